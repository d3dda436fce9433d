static int counter = 10;
__attribute__((noinline)) static int step(int x) { return ++counter + x; }
__attribute__((noinline)) int left(int x) { return step(x) + (EDIT >= 2 ? 3 : 0); }
