//# about: a weak definition that the image does not use, for another file has a strong one
//# edits: 2
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O0 -fPIC | -pie
//# build: gcc clang | -O3 -fPIC -fno-plt -fcf-protection=full -ffunction-sections | -pie -fuse-ld=lld
//# build: gcc clang | -O1 -ffunction-sections -fno-pie | -no-pie
//# output 0: 2 2 5
//# output 1: 2 12 5
//# output 2: 2 17 5
#include <stdio.h>
int hook(int);
int around(int);
extern int setting;
int hook(int x) { return x + 1; }
int setting = 5;
int main(void) {
  printf("%d %d %d\n", hook(1), around(1), setting);
  return 0;
}
