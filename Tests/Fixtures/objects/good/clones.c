//# about: clones that gcc makes: .isra, .constprop, .part, .cold
//# edits: 2
//# build: gcc | -O2 -ffunction-sections | -pie
//# build: gcc | -O3 -g | -pie
//# build: gcc clang | -Os -ffunction-sections | -no-pie
//# output 0: 15 7 30 2
//# output 1: 16 7 30 2
//# output 2: 16 8 31 3
#include <stdio.h>
#include <stdlib.h>
struct pair { int a, b; };
__attribute__((noinline)) static int isra(struct pair *p, int unused) { return p->a * 3 + (EDIT >= 1); }
__attribute__((noinline)) static int constprop(int x, int mode) {
  int total = 0;
  for (int i = 0; i < x; i++) total += mode == 3 ? i : mode;
  return total + 1 + (EDIT >= 2);
}
static int part(struct pair *p) {
  if (!p) return 0;
  int n = 0;
  for (int i = 0; i < p->b; i++) n += p->a + rand() % 1;
  if (n > 1000) printf("%d\n", n), abort();
  return n + (EDIT >= 2);
}
__attribute__((noinline)) static int cold(int x) {
  if (__builtin_expect(x > 100, 0)) {
    fprintf(stderr, "too large: %d\n", x);
    abort();
  }
  return x + (EDIT >= 2);
}
struct pair *volatile pairs;
__attribute__((noinline)) static int first(void) { return part(pairs); }
__attribute__((noinline)) static int second(void) { return pairs ? part(pairs) : 0; }
int main(void) {
  struct pair p = {5, 6};
  pairs = &p;
  int volatile four = 4;
  printf("%d %d %d", isra(&p, 1), constprop(four, 3), first());
  if (second() != first()) printf("?");
  printf(" %d\n", cold(four - 2));
  return 0;
}
