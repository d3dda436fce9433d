//# about: landing pads of indirect branches stay in place
//# edits: 2
//# build: gcc clang | -O2 -ffunction-sections -fcf-protection | -pie
//# build: gcc clang | -O0 -fcf-protection -fno-pie | -no-pie -fuse-ld=lld
//# matrix: none
//# output 0: 3 30
//# output 1: 4 30
//# output 2: 5 31
#include <stdio.h>
__attribute__((noinline)) int one(int x) { return x + 2 + EDIT; }
__attribute__((noinline)) int ten(int x) { return x * 10 + (EDIT >= 2); }
int (*volatile call)(int) = one;
int main(void) {
  printf("%d %d\n", call(1), ten(3));
  return 0;
}
