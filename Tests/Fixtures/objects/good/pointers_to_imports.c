//# about: pointers in data to a library's functions and variables
//# edits: 4
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O0 -fPIC | -pie -fuse-ld=lld
//# build: gcc clang | -O1 -ffunction-sections -fno-pie | -no-pie
//# build: gcc clang | -O2 -ffunction-sections -fPIC | -pie -fuse-ld=mold
//# output 0: 1754
//# output 1: 17
//# output 1: 1740
//# output 2: 17
//# output 2: 40
//# output 3: 54
//# output 4: 54
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int (*const fixed[])(const char *) = {puts, EDIT == 1 || EDIT == 2 ? puts : atoi};
int (*parse)(const char *) = EDIT >= 4 ? puts : atoi;
static int mine(const char *s) { return 7 + (s == 0); }
static int (*volatile other)(const char *) = EDIT == 1 || EDIT == 4 ? mine : atoi;
static int (*const table[])(const char *) = {atoi, puts};
struct { int n; int *place; size_t (*length)(const char *); } both = {1, &optind, strlen};
#if EDIT >= 2
static long (*wide)(const char *) = atol;
#endif
__attribute__((noinline)) static int work(const char *s) {
#if EDIT >= 2
  return (int)wide(s) + fixed[1](s) + table[0](s) + *both.place + (int)both.length(s);
#endif
  return other(s) * 100 + parse(s) + fixed[1](s) + table[0](s) + *both.place + (int)both.length(s) + (EDIT >= 1 ? 1000 : 0);
}
int main(void) {
  printf("%d\n", work("17"));
  return 0;
}
