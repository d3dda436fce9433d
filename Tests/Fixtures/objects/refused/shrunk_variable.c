//# about: clang keeps a variable of two values as one byte, and no more once it has three
//# build: clang | -O2 -ffunction-sections | -pie
//# build: clang | -O1 | -pie -fuse-ld=lld
//# refuse: variableSizeChanged state
#include <stdio.h>
static int state;
__attribute__((noinline)) void set(int x) {
  if (x) state = 7;
#if EDIT
  else state = x + 2;
#endif
}
__attribute__((noinline)) int get(void) { return state; }
int main(int argc, char **argv) {
  set(argc - 1);
  printf("%d\n", get());
  return 0;
}
