//# about: a function that loops to its own first bytes is guarded as a whole
//# output 0: 10
//# output 1: 110
//# give 1: loop.S
//# guard 1: branchIntoEntryStub loop
#include <stdio.h>
int loop(int);
int main(void) {
  printf("%d\n", loop(4));
  return 0;
}
