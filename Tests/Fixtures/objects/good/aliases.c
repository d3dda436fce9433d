//# about: aliases and weak symbols
//# edits: 2
//# build: gcc clang | -O2 -ffunction-sections | -pie
//# build: gcc clang | -O1 -ffunction-sections -fdata-sections | -pie
//# build: gcc clang | -O2 -ffunction-sections -fno-pie | -no-pie
//# build: gcc clang | -O2 -ffunction-sections -fPIC | -pie -fuse-ld=mold
//# build: gcc clang | -Os -ffunction-sections -fPIC -fno-plt | -pie -fuse-ld=gold
//# matrix: none
//# output 0: 5 5 8 0 3
//# output 1: 15 15 8 0 3
//# output 2: 15 15 18 0 13
#include <stdio.h>
__attribute__((noinline)) int original(int x) { return x + 4 + (EDIT >= 1 ? 10 : 0); }
int other_name(int x) __attribute__((alias("original")));
__attribute__((weak, noinline)) int overridable(int x) { return x + 7 + (EDIT >= 2 ? 10 : 0); }
int absent(void) __attribute__((weak));
static int hidden_value = 3;
extern int data_alias __attribute__((alias("hidden_value")));
__attribute__((noinline)) static int data(void) { return data_alias + (EDIT >= 2 ? 10 : 0); }
int main(void) {
  printf("%d %d %d %d %d\n", original(1), other_name(1), overridable(1), absent ? absent() : 0, data());
  return 0;
}
