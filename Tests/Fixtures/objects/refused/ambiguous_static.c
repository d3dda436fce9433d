//# about: a static local inserted before another of its name in one function
//# build: gcc | -O2 -ffunction-sections | -pie
//# matrix: none
//# refuse: ambiguousLocal n.
#include <stdio.h>
__attribute__((noinline)) static int pick(int which) {
  if (which == 1) {
    static int n = 1;
    return n += 1;
  }
#if EDIT
  if (which == 2) {
    static int n = 50;
    return n += 1;
  }
#endif
  static int n = 20;
  return n += 1;
}
int main(void) { 
  int volatile one = 1;
  return printf("%d %d\n", pick(one), pick(one - 1)) < 0;
 }
