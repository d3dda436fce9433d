//# about: functions that the loader chooses (ifunc): the candidates change, others begin to refer to them
//# edits: 3
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O0 -fPIC | -pie -fuse-ld=lld
//# build: gcc clang | -O1 -ffunction-sections -fno-pie | -no-pie
//# matrix: none
//# output 0: 2 10
//# output 1: 101 208
//# output 2: 1101 208
//# output 3: 1101 208
#include <stdio.h>
__attribute__((noinline)) static int small(int x) { return x + (EDIT >= 1 ? 100 : 1); }
__attribute__((noinline)) static int large(int x) { return x + 2; }
int table = 1;
static int (*resolve(void))(int) { return table ? small : large; }
int chosen(int) __attribute__((ifunc("resolve")));
__attribute__((noinline)) int direct(int x) { return chosen(x) + (EDIT >= 2 ? 1000 : 0); }
__attribute__((noinline)) int through(int x) {
#if EDIT >= 3
  int (*volatile p)(int) = chosen;
  return p(x) * 2;
#else
  int (*volatile p)(int) = small;
  return p(x) * 2;
#endif
}
int main(void) {
  printf("%d %d\n", direct(1), through(4));
  return 0;
}
