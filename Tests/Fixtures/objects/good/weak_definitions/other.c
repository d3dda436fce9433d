__attribute__((weak, noinline)) int hook(int x) { return x * 50 + EDIT; }
__attribute__((weak)) int setting = 77;
__attribute__((noinline)) int around(int x) { return hook(x) + (EDIT >= 1 ? 10 : 0) + (EDIT >= 2 ? setting : 0); }
