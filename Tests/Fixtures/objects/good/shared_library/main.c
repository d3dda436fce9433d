//# about: symbols of a library of the program's own: functions, data, indirect functions
//# library: helper.c
//# edits: 2
//# build: gcc clang | -O2 -ffunction-sections -fPIC | -pie
//# build: gcc clang | -O2 -ffunction-sections -fPIC -fno-plt | -no-pie -fuse-ld=lld
//# output 0: 1
//# output 1: 1 22 30
//# output 2: 1 22 30 33 40 23
#include <stdio.h>
extern int helped(int), chosen(int);
extern int helper_value;
extern int table[100];
extern int unused(void);
int (*volatile taken)(int);
__attribute__((noinline)) static void work(void) {
#if EDIT >= 1
  printf(" %d %d", helped(2), helper_value);
#endif
#if EDIT >= 2
  taken = helped;
  printf(" %d %d %d", chosen(3), table[5], taken(3));
#endif
}
int main(void) {
  printf("%d", unused());
  work();
  printf("\n");
  return 0;
}
