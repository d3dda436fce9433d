//# about: 32-bit absolute addresses of code, data and strings in an image that does not slide
//# edits: 2
//# build: gcc clang | -O2 -ffunction-sections -fno-pie -fno-pic | -no-pie
//# build: gcc clang | -O0 -fno-pie -fno-pic | -no-pie -fuse-ld=lld
//# build: gcc clang | -O2 -fno-pie -ffunction-sections | -no-pie -fuse-ld=gold
//# build: gcc clang | -O2 -fno-pie -ffunction-sections | -no-pie -fuse-ld=mold
//# matrix: none
//# output 0: 3 b text
//# output 1: 13 b text
//# output 2: 13 c text 5
#include <stdio.h>
static int table[4] = {1, 2, 3, 4};
static const char letters[] = "abcdefg";
#if EDIT >= 2
static int fresh[8] = {5, 5, 5, 5};
#endif
__attribute__((noinline)) static int at(unsigned i) { return table[i] + (EDIT >= 1 ? 10 : 0); }
__attribute__((noinline)) static char letter(unsigned i) { return letters[i + (EDIT >= 2)]; }
int main(void) {
  printf("%d %c %s", at(2), letter(1), "text");
#if EDIT >= 2
  printf(" %d", fresh[getchar() == EOF]);
#endif
  printf("\n");
  return 0;
}
