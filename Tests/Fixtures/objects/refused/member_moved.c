//# about: members of one size that changed places
//# build: gcc clang | -O0 -g -ffunction-sections | -pie
//# matrix: none
//# refuse: typeLayoutChanged inner
#include <stdio.h>
struct inner {
#if EDIT
  int b, a;
#else
  int a, b;
#endif
};
struct outer { struct inner inner; };
struct outer state = {{1, 2}};
__attribute__((noinline)) static int sum(struct outer *o) { return o->inner.a + EDIT; }
int main(void) { return printf("%d\n", sum(&state)) < 0; }
