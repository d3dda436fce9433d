//# about: a file's own type takes the layout that another file's type of that name has
//# give 1: main.c
//# build: gcc clang | -O2 -g -ffunction-sections | -pie
//# matrix: none
//# refuse: typeLayoutChanged state
#include <stdio.h>
#if EDIT
struct state { long a; double d; };
#else
struct state { int a, b; };
#endif
int other(void);
static struct state *volatile kept;
__attribute__((noinline)) static int sum(struct state *s) { return (int)s->a + EDIT; }
int main(void) {
  struct state s = {1, 2};
  kept = &s;
  printf("%d %d\n", sum(kept), other());
  return 0;
}
