//# about: a callee that calls what its compiler does not see keeps no register that its callers could rely on
//# build: gcc | -O2 -ffunction-sections | -pie
//# build: gcc | -O2 -ffunction-sections | -no-pie
//# build: gcc | -O2 -ffunction-sections -fno-plt | -pie
//# matrix: none
//# edits: 3
//# output 0: 5 of 4
//# output 0: 13
//# output 1: 5 of 4
//# output 1: 14
//# output 2: 5 of 4
//# output 2: 24
//# output 3: 5 of 4
//# output 3: 25
//# registers 1: none
//# registers 2: none
//# registers 3: none
#include <stdio.h>
static int (*volatile tell)(const char *, ...) = printf;
__attribute__((noinline)) static void say(int x) { if (x > 3) printf("%d of %d\n", x + 1, x); }
__attribute__((noinline)) static int callee(int x) { say(x); return x * 2 + (EDIT >= 2 ? 10 : 0); }
__attribute__((noinline)) static int through(int x) { return (EDIT >= 3) + (x > 9 ? tell("more\n") + 1 : 0); }
__attribute__((noinline)) static int caller(int x) { return callee(x) + through(x) + x + 1 + (EDIT >= 1); }
int main(void) {
  int volatile four = 4;
  printf("%d\n", caller(four));
  return 0;
}
