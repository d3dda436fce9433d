__attribute__((noinline)) static int helper(int x) { return x + 101; }
int in_third(int x) { return helper(x); }
