#if EDIT >= 1
__attribute__((noinline)) int callee(int x, long y) { return x + 1 + y; }
#else
__attribute__((noinline)) int callee(int x) { return x + 1; }
#endif
