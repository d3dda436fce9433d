//# about: recursion, mutual and through a pointer, runs in the newest bodies
//# edits: 2
//# output 0: 55 1 8
//# output 1: 65 1 8
//# output 2: 65 2 9
#include <stdio.h>
__attribute__((noinline)) int sum(int n) { return n ? n + sum(n - 1) : (EDIT >= 1 ? 10 : 0); }
int odd(int n);
__attribute__((noinline)) int even(int n) { return n ? odd(n - 1) : 1 + (EDIT >= 2); }
__attribute__((noinline)) int odd(int n) { return n ? even(n - 1) : 0; }
typedef int (*fold)(int, void *);
__attribute__((noinline)) static int descend(int n, void *self) {
  return n ? 1 + ((fold)self)(n - 1, self) : (EDIT >= 2);
}
int main(void) {
  printf("%d %d %d\n", sum(10), even(8), descend(8, descend));
  return 0;
}
