int value = 6;
__attribute__((noinline)) int far(int x) { return x - 3 + EDIT; }
