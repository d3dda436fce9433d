//# about: two functions that become equal, which gcc makes one of, and differ again
//# edits: 3
//# build: gcc clang | -O2 -ffunction-sections | -pie
//# build: gcc clang | -O3 -fno-pie | -no-pie -fuse-ld=lld
//# build: gcc | -Os -ffunction-sections -fPIC | -pie
//# output 0: 514 628 514 628
//# output 1: 628 628 628 628
//# output 2: 514 856 514 856
//# output 3: 514 856 515 856
#include <stdio.h>
__attribute__((noinline)) static int one(int x) {
  for (int i = 0; i < 3; i++) x = x * 7 + (EDIT == 1 ? 5 : 3);
  return x;
}
__attribute__((noinline)) static int two(int x) {
  for (int i = 0; i < 3; i++) x = x * 7 + (EDIT >= 2 ? 9 : 5);
  return x;
}
__attribute__((noinline)) int three(int x) { return one(x) + (EDIT >= 3 ? 1 : 0); }
__attribute__((noinline)) int four(int x) { return two(x); }
int main(void) { printf("%d %d %d %d\n", one(1), two(1), three(1), four(1)); return 0; }
