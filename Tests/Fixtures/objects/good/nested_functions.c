//# about: gcc's nested functions, which it numbers anew when one is inserted, and their trampolines
//# edits: 2
//# build: gcc | -O2 -ffunction-sections | -pie
//# build: gcc | -O0 | -pie
//# build: gcc | -O1 -ffunction-sections -fno-pie | -no-pie
//# matrix: none
//# output 0: 13 70
//# output 1: 13 70 2001
//# output 2: 13 75 2001
#include <stdio.h>
static int (*volatile keep)(int);
__attribute__((noinline)) static int apply(int (*f)(int), int x) { return f(x); }
#if EDIT >= 1
__attribute__((noinline)) static int zeroth(int k) {
  __attribute__((noinline)) int helper(int x) { return x * 1000 + k; }
  return apply(helper, 2);
}
#endif
__attribute__((noinline)) static int first(int k) {
  __attribute__((noinline)) int helper(int x) { return x + k; }
  return apply(helper, 3);
}
__attribute__((noinline)) static int second(int k) {
  __attribute__((noinline)) int helper(int x) { return x * k + (EDIT >= 2 ? 5 : 0); }
  return apply(helper, 7);
}
int main(void) {
  printf("%d %d", first(10), second(10));
#if EDIT >= 1
  printf(" %d", zeroth(1));
#endif
  printf("\n");
  return 0;
}
