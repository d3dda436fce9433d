#if EDIT >= 2
int callee(int, long);
__attribute__((noinline)) int other(void) { return callee(2, 3) + 100; }
#else
int callee(int);
__attribute__((noinline)) int other(void) { return callee(2) + 100; }
#endif
