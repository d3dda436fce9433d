//# about: global functions and data, and what an update added, are told when they go, and come back
//# edits: 3
//# build: gcc clang | -O2 -g -ffunction-sections | -pie
//# build: gcc clang | -O0 -g -fno-pie | -no-pie -fuse-ld=lld
//# matrix: none
//# has 1: removed extra; removed shared; added fresh; added held; added seen; added count
//# has 2: removed fresh; removed held; removed seen; removed count
//# has 3: added fresh; added extra; added held; added seen; added count
//# output 0: 44 45
//# output 1: 9 16
//# output 2: 6 9
//# output 3: 55 63
#include <stdio.h>
#if EDIT == 0 || EDIT == 3
__attribute__((noinline)) int extra(int x) { return x + 41 + EDIT; }
#endif
#if EDIT == 0
int shared = 1;
#endif
#if EDIT == 1 || EDIT == 3
static int held = 3;
__attribute__((noinline)) static int fresh(int x) { return held += x + EDIT / 3; }
int count = 1;
__attribute__((noinline)) int seen(int x) { return x + count - 1; }
#endif
__attribute__((noinline)) int work(int x) {
#if EDIT == 0
  return extra(x + shared);
#elif EDIT == 1
  return fresh(seen(x + 4));
#elif EDIT == 2
  return x * 3;
#else
  return fresh(seen(x + 3)) + extra(x);
#endif
}
int main(void) {
  volatile int n = 2;
  int first = work(n);
  printf("%d %d\n", first, work(n + 1));
  return 0;
}
