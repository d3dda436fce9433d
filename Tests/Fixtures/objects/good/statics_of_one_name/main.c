//# about: static functions of one name in several files
//# output 0: 3 13 103
//# output 1: 3 14 103
//# atoms 1: moved helper
//# note 1: layoutUnchecked
#include <stdio.h>
int in_other(int), in_third(int);
__attribute__((noinline)) static int helper(int x) { return x + 1; }
int main(void) {
  printf("%d %d %d\n", helper(2), in_other(2), in_third(2));
  return 0;
}
