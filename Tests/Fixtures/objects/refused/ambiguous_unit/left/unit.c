static int counter = 10;
__attribute__((noinline)) static int step(void) { return ++counter + EDIT; }
int (*left)(void) = step;
