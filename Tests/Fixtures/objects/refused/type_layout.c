//# about: a member added, reached through a pointer only
//# build: gcc clang | -O2 -g -ffunction-sections | -pie
//# matrix: none
//# refuse: typeLayoutChanged node extra
#include <stdio.h>
#include <stdlib.h>
struct node {
  struct node *next;
  int value;
#if EDIT
  int extra;
#endif
};
struct node *head;
__attribute__((noinline)) static int first(void) { return head->value + EDIT; }
int main(void) {
  head = calloc(1, sizeof *head);
  return printf("%d\n", first()) < 0;
}
