__attribute__((noinline)) static int helper(int x) { return x * 3 + (EDIT ? 8 : 7); }
int in_other(int x) { return helper(x); }
