//# about: clang keeps a struct's members apart, and no more once its address is taken
//# build: clang | -O2 -ffunction-sections | -pie
//# build: clang | -O1 | -pie -fuse-ld=lld
//# refuse: variableSplit state
#include <stdio.h>
static struct {
  int count;
  long total;
} state;
__attribute__((noinline)) void add(int x) {
  state.count++;
  state.total += x;
#if EDIT
  if (x > 100) printf("%p", (void *)&state);
#endif
}
__attribute__((noinline)) long average(void) { return state.total / (state.count ? state.count : 1); }
int main(int argc, char **argv) {
  add(argc);
  add(2);
  printf("%ld\n", average());
  return 0;
}
