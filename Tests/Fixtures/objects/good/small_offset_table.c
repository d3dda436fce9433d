//# about: code that reads cells by their distance from the page of the GOT (-fpic of arm64)
//# edits: 3
//# matrix: none
//# build: arm64-gcc | -O2 -ffunction-sections -fdata-sections -fpic | -pie
//# build: arm64-gcc | -O0 -ffunction-sections -fdata-sections -fpic | -pie -fuse-ld=gold
//# build: arm64-gcc | -O2 -fdata-sections -fpic | -no-pie
//# build: arm64-gcc | -O1 -ffunction-sections -fdata-sections -fpic | -static -Wl,-u,puts
//# output 0: 0 7 1 0
//# output 1: 1 24 1 0
//# output 2: 2 32 3 0
//# output 3: 3 32 3 5
#include <stdio.h>
extern int never_defined(void) __attribute__((weak));
int values[4] = {1, 2, 3, 4};
int total = 5;
#if EDIT >= 2
int added = 8;
#endif
int one(void) { return 1; }
int three(void) { return 3; }
__attribute__((noinline)) int sum(int n) {
  int scale = EDIT ? 3 : 1;
  total += values[n & 3] * scale;
  if (n == 1 && EDIT) total += values[2] + values[3] + values[0] * scale + scale;
#if EDIT >= 2
  total += added;
#endif
  return total + (never_defined != 0);
}
__attribute__((noinline)) int (*chosen(int n))(void) { return n && EDIT >= 2 ? three : one; }
__attribute__((noinline)) int written(FILE *file) {
#if EDIT >= 3
  return (file == stdout) * 2 + (file != stderr) * 3;
#else
  return file == 0;
#endif
}
int main(void) {
  int first = EDIT;
  printf("%d ", first);
  printf("%d %d ", sum(1), chosen(1)());
  printf("%d\n", written(stdout));
  return 0;
}
