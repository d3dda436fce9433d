//# about: images without a dynamic loader, sliding or not
//# edits: 2
//# build: gcc | -O2 -ffunction-sections -fno-pie | -static
//# build: gcc | -O2 -ffunction-sections -fPIE | -static-pie
//# matrix: none
//# output 0: 3 abc 1
//# output 1: 4 abc 1
//# output 2: 4 xbc 1 9
#include <stdio.h>
#include <string.h>
static __thread int counter = 0;
#if EDIT >= 2
static int fresh = 9;
static int *pointer = &fresh;
#endif
__attribute__((noinline)) static int add(int x) { return x + 2 + (EDIT >= 1); }
__attribute__((noinline)) static int next(void) { return ++counter; }
__attribute__((noinline)) static void work(char *text) {
  if (EDIT >= 2) memset(text, 'x', 1);
  printf("%d %s %d", add(1), text, next());
#if EDIT >= 2
  printf(" %d", *pointer);
#endif
  printf("\n");
}
int main(void) {
  char text[] = "abc";
  work(text);
  return 0;
}
