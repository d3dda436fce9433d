//# about: functions too short for a jump in a section that moves as a whole: unchanged, they stay where they are
//# edits: 3
//# build: gcc | -Os | -pie
//# build: gcc | -Os -fno-pie | -no-pie
//# build: gcc | -Os -fPIC -fno-toplevel-reorder | -pie -fuse-ld=lld
//# build: clang | -Os -mllvm -align-all-functions=0 | -pie
//# note 1: sectionIsAtom
//# output 0: 16 6 5
//# output 1: 109 6 5
//# output 2: 109 11 5
//# output 3: 109 1011 5
#include <stdio.h>
typedef int (*op)(int);
__attribute__((noinline)) static int zero(int x) { __asm__(""); return 0; }
__attribute__((noinline)) int same(int x) { __asm__(""); return x; }
__attribute__((noinline)) static int work(int x) { return zero(x) + same(x) * 3 + (EDIT >= 1 ? 100 : 7); }
__attribute__((noinline)) int one(int x) { __asm__(""); return 1; }
static const op table[] = {same, zero, one};
op volatile kept = same;
__attribute__((noinline)) static int through(int x) {
  int s = 0;
  for (int i = 0; i < 3; i++) s += table[i](x) * (EDIT >= 2 ? 2 : 1);
  return s + (kept == same) + (EDIT >= 3 ? 1000 : 0);
}
int main(void) {
  printf("%d %d %d\n", work(3), through(4), same(5));
  return 0;
}
