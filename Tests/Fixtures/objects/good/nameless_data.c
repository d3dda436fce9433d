//# about: the first values of a local array, which GCC keeps without a name in writable data (-fPIE): edits around it, and of it
//# edits: 3
//# build: gcc clang | -O2 -g -fPIE -ffunction-sections | -pie
//# build: gcc | -O0 -fPIC -ffunction-sections -fdata-sections | -pie -fuse-ld=lld
//# build: gcc | -O2 -fPIE | -pie
//# output 0: 1 one 5 two 2 four 14
//# output 1: 1 one 5 two 2 four 16
//# output 2: 1 one 7 two 3 tres 18
//# output 3: 1 one 7 two 3 tres 18
#include <stdio.h>
typedef struct { long number; const char *name; } pair;
int state = 3;
__attribute__((noinline)) static void show(pair *p, int count) {
  for (int i = 0; i < count; i++) printf("%ld %s ", p[i].number, p[i].name);
}
#define ROW(n) {n, "a" #n}, {n + 1, "b" #n}, {n + 2, "c" #n}, {n + 3, "d" #n}
__attribute__((noinline)) static int table(int k) {
  pair rows[] = {{1, "one"}, {2, "two"}, {EDIT < 2 ? 2 : 3, EDIT < 2 ? "four" : "tres"}, ROW(10), ROW(20), ROW(30), ROW(40)};
  rows[1].number += k + (EDIT < 2 ? 0 : 2);
  show(rows, 3);
  return (int)rows[6].number;
}
__attribute__((noinline)) static int other(int x) { return x + (EDIT == 0 ? 1 : EDIT == 1 ? 3 : 5); }
int main(void) {
#if EDIT >= 3
  state = 3;
#endif
  int last = table(state);
  printf("%d\n", other(last));
  return 0;
}
