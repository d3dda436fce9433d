//# about: gcc's callers rely on the registers that callees leave alone, unless told not to
//# build: gcc | -O2 -ffunction-sections | -pie
//# matrix: none
//# edits: 4
//# output 0: 13
//# output 1: 14
//# output 2: 24
//# output 3: 26
//# output 4: 126
//# registers 1: none
//# guard 2: interproceduralRegisters caller
//# registers 2: caller both
//# registers 3: caller backward
//# registers 4: caller both; callee both; callee backward
#include <stdio.h>
__attribute__((noinline)) static int below(int x) { return x * (EDIT >= 4 ? 26 : 1); }
__attribute__((noinline)) static int callee(int x) { return below(x) * 2 + (EDIT >= 2 ? 10 : 0) - (EDIT >= 4 ? 100 : 0); }
__attribute__((noinline)) static int caller(int x) { return callee(x) + x + 1 + (EDIT >= 1) + (EDIT >= 3) * 2; }
int main(void) {
  int volatile four = 4;
  printf("%d\n", caller(four));
  return 0;
}
