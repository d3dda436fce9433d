//# about: changed initial values: numbers, pointers, arrays
//# edits: 2
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O2 -fdata-sections -fno-pie | -no-pie -fuse-ld=lld
//# output 0: 1 one 1 2 3 4
//# output 1: 2 two 1 2 30 4
//# output 2: 3 one 1 2 3 4
//# atoms 1: rewritten number; rewritten name; rewritten list
//# note 1: firstValueChanged number
//# note 1: firstValueChanged list
#include <stdio.h>
int number = 1 + EDIT;
const char *name = EDIT == 1 ? "two" : "one";
int list[4] = {1, 2, EDIT == 1 ? 30 : 3, 4};
int main(void) {
  int *volatile l = list;
  printf("%d %s %d %d %d %d\n", number, name, l[0], l[1], l[2], l[3]);
  return 0;
}
