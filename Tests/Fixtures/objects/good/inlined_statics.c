//# about: a static local of a function that is inlined in two others
//# build: gcc clang | -O2 -ffunction-sections | -pie
//# build: gcc clang | -O2 -g | -pie
//# output 0: 1 2 7
//# output 1: 11 12 7
#include <stdio.h>
static inline __attribute__((always_inline)) int next(void) {
  static int n = 0;
  return ++n;
}
__attribute__((noinline)) static int other(void) {
  static int n = 6;
  return ++n;
}
__attribute__((noinline)) static int one(void) { return next() + 10 * EDIT; }
__attribute__((noinline)) static int two(void) { return next() + 10 * EDIT; }
int main(void) {
  int a = one(), b = two(), c = other();
  printf("%d %d %d\n", a, b, c);
  return 0;
}
