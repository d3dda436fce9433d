//# about: many switches in one file, some with equal tables, of which one changes
//# edits: 2
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O0 -fPIC | -pie
//# build: gcc clang | -O3 -fPIC -fno-plt -fcf-protection=full -ffunction-sections | -pie -fuse-ld=lld
//# build: gcc clang | -O1 -ffunction-sections -fno-pie | -no-pie
//# output 0: 1 1 1 45 45 n,22 22 22 132 132 one,333 333 333 35 35 two,4444 4444 4444 14 14 three,5 5 5 2 2 ,-1 -1 -1 -1 -1 ,
//# output 1: 1 1 1 45 45 n,22 22 22 132 132 one,333 333 333 35 35 two,4444 4444 4445 14 14 three,5 5 5 2 2 ,-1 -1 -1 -1 -1 ,
//# output 2: 1 1 1 45 45 n,22 22 22 132 132 one,333 333 333 35 35 deux,4444 4444 4445 14 14 three,5 5 5 2 4 ,-1 -1 -1 -1 -1 ,
#include <stdio.h>
#define CASES(f, a, b, c, d, e) __attribute__((noinline)) static int f(int x, int y) { switch (x) { \
  case 0: return a; case 1: return b; case 2: return c; case 3: return d; case 4: return e; default: return -1; } }
CASES(f, 1, 22, 333, 4444, 5)
CASES(g, 1, 22, 333, 4444, 5)
CASES(h, 1, 22, 333, EDIT >= 1 ? 4445 : 4444, 5)
CASES(p, y + 1, y * 3, y - 9, y / 3, y % 7)
CASES(q, y + 1, y * 3, y - 9, y / 3, EDIT >= 2 ? y % 5 : y % 7)
__attribute__((noinline)) static const char *t(int x) { switch (x) { case 0: return "n"; case 1: return "one"; case 2: return EDIT >= 2 ? "deux" : "two"; case 3: return "three"; default: return ""; } }
int main(void) {
  for (int i = 0; i < 6; i++) printf("%d %d %d %d %d %s,", f(i, 1), g(i, 2), h(i, 3), p(i, 44), q(i, 44), t(i));
  printf("\n");
  return 0;
}
