//# about: two compilation units of one base name in different folders, told apart by who refers to what
//# edits: 2
//# output 0: 12 23 13 24
//# output 1: 12 33 13 34
//# output 2: 15 33 16 34
//# give 1: right/unit.c
//# give 2: left/unit.c
#include <stdio.h>
int left(int), right(int);
int main(void) {
  int a = left(1), b = right(2), c = left(1), d = right(2);
  printf("%d %d %d %d\n", a, b, c, d);
  return 0;
}
