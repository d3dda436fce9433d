//# about: a function that the compiler has made in several forms, of which the loader takes one at the start
//# edits: 2
//# build: gcc | -O2 -g -ffunction-sections | -pie
//# build: gcc | -O2 -ffunction-sections -fno-pie | -no-pie -fuse-ld=lld
//# matrix: none
//# has 1: moved work.avx2; moved work.default
//# output 0: 3
//# output 1: 4
//# output 2: 9
#include <stdio.h>
__attribute__((target_clones("avx2", "default"))) int work(int x) {
  for (int i = 0; i < EDIT - 1; i++) x += 2;
  return x * 3 + (EDIT & 1);
}
int main(void) {
  volatile int n = 1;
  printf("%d\n", work(n));
  return 0;
}
