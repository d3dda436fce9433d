//# about: the code changes which the loader asks for an indirect function
//# build: gcc clang | -O2 -ffunction-sections | -pie
//# build: gcc clang | -O0 -ffunction-sections -fno-pie | -no-pie -fuse-ld=lld
//# refuse: resolverChanged choose pick
#include <stdio.h>
static int one(int x) { return x + 1; }
static int two(int x) { return x + 2; }
static int (*choose(void))(int) { return EDIT ? two : one; }
int pick(int) __attribute__((ifunc("choose")));
int main(void) {
  printf("%d %d\n", pick(1), two(1));
  return 0;
}
