//# about: new functions and new data: zero, not zero, with pointers, constant
//# edits: 3
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O2 -ffunction-sections -fdata-sections -fno-pie | -no-pie
//# build: gcc clang | -O0 -fcommon | -pie -fuse-ld=lld
//# output 0: 1
//# output 1: 1 0 42
//# output 2: 1 0 42 7 text 8
//# output 3: 1 0 42 7 text 8 9 1 c
#include <stdio.h>
#if EDIT >= 1
static int zero;
int value = 42;
int common;
__attribute__((noinline)) static void first(void) { printf(" %d %d", zero + common, value); }
#endif
#if EDIT >= 2
static int target = 7;
static int *pointer = &target;
static const char *names[] = {"text", "more"};
static const int numbers[] = {8, 9};
static int twice(int);
static int (*call)(int) = twice;
__attribute__((noinline)) static int twice(int x) { return x * 2; }
__attribute__((noinline)) static void second(void) {
  printf(" %d %s %d", *pointer, names[zero], numbers[zero] + call(zero));
}
#endif
#if EDIT >= 3
struct node { struct node *next; int value; char text[8]; };
static struct node nodes[2] = {{nodes + 1, 9, "ab"}, {nodes, 1, "cd"}};
__attribute__((noinline)) static void third(void) {
  printf(" %d %d %c", nodes[0].value, nodes[0].next->value, nodes->next->text[0]);
}
#endif
int main(void) {
  printf("1");
#if EDIT >= 1
  first();
#endif
#if EDIT >= 2
  second();
#endif
#if EDIT >= 3
  third();
#endif
  printf("\n");
  return 0;
}
