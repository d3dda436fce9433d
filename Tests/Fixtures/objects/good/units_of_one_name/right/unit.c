static int counter = 20;
__attribute__((noinline)) static int step(int x) { return ++counter + x; }
__attribute__((noinline)) int right(int x) { return step(x) + (EDIT >= 1 ? 10 : 0); }
