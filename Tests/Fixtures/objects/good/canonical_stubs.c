//# about: a library's function has one address in a fixed program, the program's own call stub, and keeps it
//# edits: 2
//# build: gcc clang | -O1 -ffunction-sections -fno-pie | -no-pie
//# build: gcc clang | -O2 -ffunction-sections -fno-pie | -no-pie -fuse-ld=lld
//# build: gcc clang | -O0 -fno-pie | -no-pie -fuse-ld=mold
//# output 0: 11
//# output 1: 1011
//# output 2: 1111
#include <stdio.h>
#include <stdlib.h>
int (*volatile kept)(const char *) = atoi;
static int (*const fixed[])(const char *) = {atoi, EDIT >= 2 ? atoi : puts};
__attribute__((noinline)) static int compare(int (*f)(const char *)) { return (f == kept) + 10 * (f == fixed[0]) + 100 * (f == fixed[1]); }
__attribute__((noinline)) static int work(void) {
  int (*volatile f)(const char *) = atoi;
  return compare(f) + (EDIT >= 1 ? 1000 : 0) + atoi("0");
}
int main(void) { printf("%d\n", work()); return 0; }
