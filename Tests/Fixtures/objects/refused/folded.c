//# about: two functions folded into one body by the linker, of which one changes
//# build: gcc clang | -O2 -ffunction-sections | -pie -fuse-ld=lld -Wl,--icf=all
//# build: gcc clang | -O2 -ffunction-sections | -pie -fuse-ld=mold -Wl,--icf=all
//# matrix: none
//# refuse: foldedFunctionsDiverge one two
#include <stdio.h>
__attribute__((noinline)) int one(int x) {
  __asm__ volatile("" : "+r"(x));
  return x * 31 + 7 + EDIT;
}
__attribute__((noinline)) int two(int x) {
  __asm__ volatile("" : "+r"(x));
  return x * 31 + 7;
}
int main(void) { return printf("%d %d\n", one(1), two(1)) < 0; }
