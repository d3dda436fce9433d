//# about: code that is not PIC reads a variable of a library which the image has no copy of
//# build: gcc | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc | -O0 -ffunction-sections -fPIE | -pie -fuse-ld=lld
//# matrix: none
//# output 0: none
//# output 1: one 1
#include <stdio.h>
#include <unistd.h>
__attribute__((noinline)) static void work(void) {
#if EDIT
  fprintf(stdout, "one %d\n", optind);
#else
  puts("none");
#endif
}
int main(void) {
  work();
  return 0;
}
