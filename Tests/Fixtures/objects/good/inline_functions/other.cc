template <typename T> __attribute__((noinline)) T add(T a, T b) { return a + b; }
int other() { return add(5L, 6L); }
