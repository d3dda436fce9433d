//# about: function pointers in constant and mutable data, and their equality before and after
//# edits: 3
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O2 -ffunction-sections -fno-pie | -no-pie
//# build: gcc clang | -O1 -ffunction-sections -fPIC -fno-plt -fcf-protection | -pie -fuse-ld=lld
//# output 0: 2 4 2 4 same
//# output 1: 12 4 12 4 same
//# output 2: 12 14 12 14 same same
//# output 3: 12 14 12 100 same same
#include <stdio.h>
typedef int (*op)(int);
__attribute__((noinline)) int one(int x) { return x + 1 + (EDIT >= 1 ? 10 : 0); }
__attribute__((noinline)) static int two(int x) { return x + 3 + (EDIT >= 2 ? 10 : 0); }
#if EDIT >= 3
__attribute__((noinline)) static int three(int x) { return x + 99; }
#endif
static const op constant[] = {one, two};
#if EDIT >= 3
op mutable[] = {one, three};
#else
op mutable[] = {one, two};
#endif
op volatile kept;
__attribute__((noinline)) static void compare(op p) {
  printf(" %s", p == one ? "same" : "other");
#if EDIT >= 2
  printf(" %s", constant[1] == two ? "same" : "other");
#endif
}
int main(void) {
  kept = one;
  const op *volatile c = constant;
  op *volatile m = mutable;
  printf("%d %d %d %d", c[0](1), c[1](1), m[0](1), m[1](1));
  compare(kept);
  printf("\n");
  return 0;
}
