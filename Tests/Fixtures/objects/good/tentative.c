//# about: tentative definitions, as common symbols and not
//# edits: 2
//# build: gcc clang | -O2 -fcommon -ffunction-sections | -pie
//# build: gcc clang | -O0 -fcommon -fno-pie | -no-pie
//# build: gcc clang | -O1 -fno-common -fdata-sections | -pie -fuse-ld=lld
//# output 0: 2 4
//# output 1: 4 12
//# output 2: 4 12
#include <stdio.h>
int plain[4];
int counter;
#if EDIT >= 1
long added[3];
#endif
__attribute__((noinline)) int step(void) {
  counter += 2;
#if EDIT >= 1
  added[1] += counter;
  plain[EDIT] += (int)added[1];
#endif
  return counter + plain[1] + plain[2];
}
int main(void) {
  int a = step();
  printf("%d %d\n", a, step());
  return 0;
}
