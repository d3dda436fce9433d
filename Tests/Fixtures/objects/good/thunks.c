//# about: calls and returns by way of thunks (-mindirect-branch), which every object brings along
//# edits: 2
//# build: gcc | -O2 -ffunction-sections -mindirect-branch=thunk -mfunction-return=thunk -fcf-protection=none | -pie
//# build: clang | -O2 -ffunction-sections -mretpoline | -pie
//# build: gcc | -O0 -mindirect-branch=thunk -fcf-protection=none | -pie
//# matrix: none
//# output 0: 13
//# output 1: 23
//# output 2: 223
#include <stdio.h>
typedef int (*op)(int);
__attribute__((noinline)) int one(int x) { return x + 1 + (EDIT >= 1 ? 10 : 0); }
__attribute__((noinline)) int two(int x) { return x * 2; }
op volatile ops[] = {one, two};
__attribute__((noinline)) static int all(int x) {
  int s = 0;
  for (int i = 0; i < 2; i++) s += ops[i](x) + (EDIT >= 2 ? 100 : 0);
  return s;
}
int main(void) { printf("%d\n", all(4)); return 0; }
