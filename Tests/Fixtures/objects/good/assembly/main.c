//# about: hand-written assembly, with its own sections, labels and no unit name
//# edits: 2
//# output 0: 11 5 22
//# output 1: 21 5 22
//# output 2: 21 105 22
//# give 1: add.S
//# give 2: add.S
#include <stdio.h>
int add_ten(int), in_loop(int), twice(int);
int main(void) {
  printf("%d %d %d\n", add_ten(1), in_loop(5), twice(11));
  return 0;
}
