//# about: callers in other objects go by the ABI, whatever registers a callee keeps
//# build: gcc | -O2 -ffunction-sections | -pie
//# matrix: none
//# edits: 2
//# output 0: 13
//# output 1: 14
//# output 2: 24
//# registers 1: none
//# registers 2: none
#include <stdio.h>
int callee(int x);
__attribute__((noinline)) static int caller(int x) { return callee(x) + x + 1 + (EDIT >= 1); }
int main(void) {
  int volatile four = 4;
  printf("%d\n", caller(four));
  return 0;
}
