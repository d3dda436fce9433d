//# about: static locals keep their values by function and name, numbered anew or not
//# edits: 2
//# build: gcc clang | -O2 -ffunction-sections | -pie
//# build: gcc clang | -O0 -g | -no-pie
//# output 0: 1 11 2 12
//# output 1: 102 1 11 104 2 12
//# output 2: 102 1 11 5 104 2 12 6
#include <stdio.h>
#if EDIT >= 1
__attribute__((noinline)) static int zeroth(void) {
  static int n = 100;
  return n += 2;
}
#endif
__attribute__((noinline)) static int first(void) {
  static int n = 0;
  return n += 1;
}
__attribute__((noinline)) static int second(void) {
  static int n = 10;
  return n += 1;
}
#if EDIT >= 2
__attribute__((noinline)) static int third(void) {
  static int n = 4;
  return n += 1;
}
#endif
int main(void) {
  for (int i = 0; i < 2; i++) {
#if EDIT >= 1
    printf("%d ", zeroth());
#endif
    printf("%d %d", first(), second());
#if EDIT >= 2
    printf(" %d", third());
#endif
    printf("%s", i ? "\n" : " ");
  }
  return 0;
}
