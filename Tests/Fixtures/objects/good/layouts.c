//# about: packed structs, bit fields, flexible arrays, unions, arrays of structs with pointers into each other
//# edits: 3
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O0 -fPIC | -pie
//# build: gcc clang | -O3 -fPIC -fno-plt -fcf-protection=full -ffunction-sections | -pie -fuse-ld=lld
//# build: gcc clang | -O1 -ffunction-sections -fno-pie | -no-pie
//# output 0: first middle last 123 1000 9 10 2 4
//# output 1: first middle last 123 1000 9 11 2 40
//# output 2: first middle last 123 1000 9 11 2 3
//# output 3: first centre last 123 1005 9 11 2 3
#include <stddef.h>
#include <stdio.h>
struct __attribute__((packed)) packed { char c; int i; void *p; short s; };
struct bits { unsigned a : 3; signed b : 7; unsigned long c : 40; _Bool d : 1; };
struct node { const char *name; const struct node *next; int n; };
static int anchor = 9;
static struct packed p = {'x', 1000, &anchor, 3};
static const struct bits constant = {5, -3, 1ul << 33, EDIT >= 1};
static const struct { int n; int items[]; } list = {3, {1, 2,
#if EDIT >= 2
  3,
#endif
  EDIT >= 1 ? 40 : 4}};
static const struct node last = {"last", 0, 3};
static const struct node middle = {EDIT >= 3 ? "centre" : "middle", &last, 2};
static const struct node first = {"first", &middle, 1};
__attribute__((noinline)) static int walk(const struct node *n) {
  int s = 0;
  for (; n; n = n->next) { printf("%s ", n->name); s = s * 10 + n->n; }
  return s;
}
__attribute__((noinline)) static long sum(const struct bits *b) { return b->a + b->b + (long)(b->c >> 30) + b->d; }
int main(void) {
  struct packed *volatile q = &p;
  const struct bits *volatile b = &constant;
  const int *volatile items = list.items;
  q->i += EDIT >= 3 ? 5 : 0;
  printf("%d %d %d %ld %d %d\n", walk(&first), q->i, *(int *)q->p, sum(b), items[1], items[2]);
  return 0;
}
