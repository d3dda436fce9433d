//# about: types of one name that differ from file to file
//# edits: 2
//# give 1: main.c
//# give 2: other.c
//# build: gcc clang | -O2 -g -ffunction-sections | -pie
//# build: gcc clang | -O0 -g | -no-pie -fno-pie
//# output 0: 3 8
//# output 1: 13 8
//# output 2: 13 18
#include <stdio.h>
struct state { int a, b; };
int other(void);
__attribute__((noinline)) static int sum(struct state *s) { return s->a + s->b + (EDIT >= 1 ? 10 : 0); }
int main(void) {
  struct state s = {1, 2};
  printf("%d %d\n", sum(&s), other());
  return 0;
}
