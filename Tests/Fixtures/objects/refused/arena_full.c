//# about: more new functions than the arena has room for
//# room: code 4096
//# build: gcc | -O2 -ffunction-sections | -pie
//# refuse: arenaFull code --arena
#include <stdio.h>
#if EDIT
#define F(n) __attribute__((noinline)) int f##n(int x) { return x * n; }
#define TEN(n) F(n##0) F(n##1) F(n##2) F(n##3) F(n##4) F(n##5) F(n##6) F(n##7) F(n##8) F(n##9)
#define HUNDRED(n) TEN(n##0) TEN(n##1) TEN(n##2) TEN(n##3) TEN(n##4) TEN(n##5) TEN(n##6) TEN(n##7) TEN(n##8) TEN(n##9)
HUNDRED(1) HUNDRED(2) HUNDRED(3) HUNDRED(4) HUNDRED(5) HUNDRED(6)
#endif
int main(void) {
#if EDIT
  return printf("%d\n", f100(1)) < 0;
#else
  return 0;
#endif
}
