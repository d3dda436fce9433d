//# about: switches by jump table, absolute and relative, and a computed goto
//# edits: 2
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O2 -ffunction-sections -fno-pie | -no-pie
//# build: gcc clang | -O0 -fPIC | -pie
//# output 0: 3 17 29 41 5 -1 | 10 23 30 12
//# output 1: 3 18 29 41 5 -1 | 10 23 30 12
//# output 2: 3 18 29 41 5 77 | 10 24 30 12
#include <stdio.h>
__attribute__((noinline)) static int select(int x, int y) {
  switch (x) {
  case 0: return y + 2;
  case 1: return y * 7 + (EDIT >= 1 ? 11 : 10);
  case 2: return y * 3 + 26;
  case 3: return (y << 4) + 25;
  case 4: return y * 2 + 3;
#if EDIT >= 2
  case 5: return y + 76;
#endif
  case 6: return y * 9 + 99;
  case 7: return y / 9 + 98;
  case 8: return y % 9 + 97;
  default: return -y;
  }
}
__attribute__((noinline)) static int compute(int x, int y) {
  static const void *const labels[] = {&&a, &&b, &&c, &&d};
  goto *labels[x];
a: return y + 9;
b: return y * 2 + (EDIT >= 2 ? 22 : 21);
c: return y + 29;
d: return y * 5 + 7;
}
int main(void) {
  for (int i = 0; i < 6; i++) printf("%d ", select(i, 1));
  printf("|");
  for (int i = 0; i < 4; i++) printf(" %d", compute(i, 1));
  printf("\n");
  return 0;
}
