//# about: without -ffunction-sections a whole section is one atom, and is told
//# edits: 2
//# build: gcc clang | -O2 | -pie
//# build: gcc clang | -O0 -fno-pie | -no-pie
//# output 0: 1 2 3
//# output 1: 1 12 3
//# output 2: 1 12 13
//# note 1: sectionIsAtom
#include <stdio.h>
volatile int counter = 1;
__attribute__((noinline)) int one(void) { return counter; }
__attribute__((noinline)) int two(void) { return one() + 1 + (EDIT >= 1 ? 10 : 0); }
__attribute__((noinline)) int three(void) { return counter + 2 + (EDIT >= 2 ? 10 : 0); }
int main(void) {
  printf("%d %d %d\n", one(), two(), three());
  return 0;
}
