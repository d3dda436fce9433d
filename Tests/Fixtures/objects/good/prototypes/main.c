//# about: a changed prototype makes a new atom, and callers of the old one keep it
//# edits: 2
//# build: gcc clang | -O2 -g -ffunction-sections | -pie
//# build: gcc clang | -O0 -g -ffunction-sections | -no-pie
//# matrix: none
//# output 0: 3 103
//# output 1: 6 103
//# output 2: 6 106
//# give 1: main.c callee.c
//# give 2: other.c
//# unlike 1: the caller that was not compiled anew passes too little
//# has 1: added callee
//# note 1: prototypeChanged callee
#include <stdio.h>
#if EDIT >= 1
int callee(int, long);
#else
int callee(int);
#endif
int other(void);
__attribute__((noinline)) static int caller(void) {
#if EDIT >= 1
  return callee(2, 3);
#else
  return callee(2);
#endif
}
int main(void) {
  printf("%d %d\n", caller(), other());
  return 0;
}
