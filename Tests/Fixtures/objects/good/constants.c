//# about: named constants that change, shrink and grow, and structures that point at them
//# edits: 3
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O2 -fno-pie -fdata-sections | -no-pie
//# output 0: a b 2 one
//# output 1: x b 2 one
//# output 2: x b 2 uno
//# output 3: x b 3 uno third
//# note 3: constantMoved names
#include <stdio.h>
#if EDIT >= 1
static const char first[4] = "x";
#else
static const char first[4] = "a";
#endif
const char second[4] = "b";
static const char *const names[] = {EDIT >= 2 ? "uno" : "one", "two",
#if EDIT >= 3
  "third",
#endif
};
struct entry { const char *const *names; int count; };
static const struct entry entries[] = {{names, sizeof names / sizeof *names}};
__attribute__((noinline)) static const struct entry *entry(int volatile i) { return entries + i; }
__attribute__((noinline)) static const char *text(int volatile i) { return i ? second : first; }
int main(void) {
  const struct entry *e = entry(0);
  printf("%s %s %d %s", text(0), text(1), e->count, e->names[0]);
  if (e->count > 2) printf(" %s", e->names[2]);
  printf("\n");
  return 0;
}
