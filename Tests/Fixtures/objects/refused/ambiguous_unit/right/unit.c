static int counter = 10;
__attribute__((noinline)) static int step(void) { return ++counter + EDIT; }
int (*right)(void) = step;
