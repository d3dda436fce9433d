//# about: twenty edits in a row, on the images of every linker
//# edits: 20
//# build: gcc | -O2 -ffunction-sections -fPIE | -pie
//# build: clang | -O2 -ffunction-sections -fPIE | -pie -fuse-ld=lld
//# build: gcc | -O2 -ffunction-sections -fPIE | -pie -fuse-ld=gold
//# build: clang | -O1 -ffunction-sections -fPIC -fno-plt | -pie -fuse-ld=mold
//# matrix: none
//# output 0: 66 79 2
//# output 1: 67 81 4
//# output 2: 65 79 4
//# output 3: 67 81 4
//# output 4: 72 86 4
//# output 5: 115 133 4
//# output 6: 118 137 4
//# output 7: 126 147 4
//# output 8: 125 146 4
//# output 9: 257 278 4
//# output 10: 594 615 4
//# output 11: 694 816 4
//# output 12: 706 832 4
//# output 13: 705 831 4
//# output 14: 722 848 4
//# output 15: 720 846 4
//# output 16: 744 880 4
//# output 17: 1244 1380 4
//# output 18: 1744 1880 4
//# output 19: 1744 1905 4
//# output 20: 1744 1905 4 done
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define AT(n, with, without) (EDIT >= (n) ? (with) : (without))
typedef int (*op)(int);
static int calls, limit = 10;
static const int primes[] = {2, 3, 5, 7, AT(2, 11, 9)};
static const char *const names[] = {"zero", "one", AT(3, "two", "2"),
#if EDIT >= 4
  "three",
#endif
};
__attribute__((noinline)) static int count(int x) { calls += AT(1, 2, 1); return x + calls; }
#if EDIT >= 5
static int added = 40;
__attribute__((noinline)) static int fresh(int x) { return added += x; }
#endif
__attribute__((noinline)) static int twice(int x) { return x * AT(6, 3, 2); }
__attribute__((noinline)) static int half(int x) { return x / 2; }
static const op ops[] = {twice, half, count, AT(7, twice, half)};
__attribute__((noinline)) static int pick(int x, int y) {
  switch (x) {
  case 0: return y + 1;
  case 1: return y * 3;
  case 2: return y - AT(8, 5, 4);
  case 3: return y ^ 21;
#if EDIT >= 9
  case 4: return y * y;
#endif
  case 5: return y % 7;
  default: return -y;
  }
}
__attribute__((noinline)) static int text(const char *s) {
#if EDIT >= 10
  return (int)strlen(s) + toupper((unsigned char)*s);
#else
  return (int)strlen(s);
#endif
}
__attribute__((noinline)) static int tally(void) {
  static int n = 3;
#if EDIT >= 11
  static int m = 100;
  m += 1;
  return n += m;
#else
  return n += 1;
#endif
}
__attribute__((noinline)) static double scale(double x) { return x * AT(12, 2.5, 1.5) + AT(13, 0.25, 0.5); }
#if EDIT >= 14
__attribute__((noinline)) static long parse(const char *s) { return strtol(s, NULL, AT(15, 8, 10)); }
#endif
__attribute__((noinline)) static int all(int x) {
  int sum = 0;
  for (unsigned i = 0; i < sizeof ops / sizeof *ops; i++) sum += ops[i](x) * AT(16, 2, 1);
  for (unsigned i = 0; i < sizeof primes / sizeof *primes; i++) sum += pick((int)i, primes[i]);
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) sum += text(names[i]);
#if EDIT >= 5
  sum += fresh(x);
#endif
#if EDIT >= 14
  sum += (int)parse("17");
#endif
#if EDIT >= 17
  if (sum > limit) sum += AT(18, 1000, 500);
#endif
  return sum + tally() + (int)(scale(x) * 4);
}
int main(void) {
  int a = all(3);
  int b = all(AT(19, 5, 4));
  printf("%d %d %d%s\n", a, b, calls, AT(20, " done", ""));
  return 0;
}
