//# about: static locals of one name in nested blocks of one function
//# build: gcc clang | -O2 -ffunction-sections | -pie
//# build: gcc clang | -O0 -g | -pie
//# output 0: 2 21 3 22
//# output 1: 12 31 13 32
#include <stdio.h>
__attribute__((noinline)) static int pick(int which) {
  if (which) {
    static int n = 1;
    n += 1;
    return n + 10 * EDIT;
  } else {
    static int n = 20;
    n += 1;
    return n + 10 * EDIT;
  }
}
int main(void) {
  int a = pick(1), b = pick(0), c = pick(1), d = pick(0);
  printf("%d %d %d %d\n", a, b, c, d);
  return 0;
}
