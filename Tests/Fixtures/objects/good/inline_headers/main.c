//# about: static inline functions of a header, with static locals of each file
//# edits: 3
//# give 1: other.c
//# give 2: main.c other.c
//# give 3: main.c
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O0 -fPIC | -pie
//# build: gcc clang | -O3 -fPIC -fno-plt -fcf-protection=full -ffunction-sections | -pie -fuse-ld=lld
//# build: gcc clang | -O1 -ffunction-sections -fno-pie | -no-pie
//# matrix: none
//# output 0: 6 60 7 70 303 197 1
//# output 1: 6 60 7 70 303 1197 1
//# output 2: 7 70 9 90 303 1197 1
//# output 3: 7 70 9 90 304 1197 1
#include <stdio.h>
#ifndef EDIT
#endif
#include "shared.h"
int in_other(int), other_next(void);
int main(void) {
  int a = next(), b = other_next(), c = next(), d = other_next();
  printf("%d %d %d %d %d %d %d\n", a, b, c, d, plain(2) + (EDIT >= 3), in_other(1), forced(1) >= 0);
  return 0;
}
