//# about: hidden symbols, which are local in the linked image
//# build: gcc clang | -O2 -ffunction-sections -fvisibility=hidden -fPIC | -pie
//# build: gcc clang | -O2 -ffunction-sections -fvisibility=hidden -fPIC | -pie -fuse-ld=lld
//# build: gcc clang | -O2 -fvisibility=hidden -fPIC | -pie -fuse-ld=mold
//# output 0: 4 7
//# output 1: 15 7
#include <stdio.h>
int far(int);
extern int value;
__attribute__((noinline)) int near(int x) { return far(x) + value + (EDIT ? 10 : 0); }
int main(void) {
  printf("%d", near(1));
  value += 1;
  printf(" %d\n", value);
  return 0;
}
