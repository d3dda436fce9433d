//# about: gcc's callers rely on the registers that callees leave alone, unless told not to
//# build: gcc | -O2 -ffunction-sections | -pie
//# matrix: none
//# edits: 2
//# output 0: 13
//# output 1: 14
//# output 2: 24
//# guard 2: interproceduralRegisters caller
#include <stdio.h>
__attribute__((noinline)) static int callee(int x) { return x * 2 + (EDIT >= 2 ? 10 : 0); }
__attribute__((noinline)) static int caller(int x) { return callee(x) + x + 1 + (EDIT >= 1); }
int main(void) {
  int volatile four = 4;
  printf("%d\n", caller(four));
  return 0;
}
