//# about: without debug information a changed callee may take other arguments than an old caller's frame gives it
//# build: gcc | -O2 -ffunction-sections -fno-ipa-ra | -pie
//# build: clang | -O2 -ffunction-sections | -pie
//# matrix: none
//# edits: 3
//# output 0: 13
//# output 1: 18
//# output 2: 19
//# output 3: 20
//# guard 1: unknownPrototype caller
//# has 2: moved caller
//# has 3: moved callee
#include <stdio.h>
#if EDIT >= 1
__attribute__((noinline)) static int callee(int more, int x) { return x * 2 + (x > 9 ? getchar() : 0) + more + (EDIT >= 3); }
#define CALL(x) callee(x + 1, x)
#else
__attribute__((noinline)) static int callee(int x) { return x * 2 + (x > 9 ? getchar() : 0); }
#define CALL(x) callee(x)
#endif
__attribute__((noinline)) static int caller(int x) { return CALL(x) + x + 1 + (EDIT >= 2); }
int main(void) {
  int volatile four = 4;
  printf("%d\n", caller(four));
  return 0;
}
