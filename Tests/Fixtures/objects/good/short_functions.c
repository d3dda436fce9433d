//# about: functions shorter than an entry stub, in the padding behind them
//# edits: 2
//# output 0: 1 5
//# output 1: 2 5
//# output 2: 2 15
#include <stdio.h>
__attribute__((noinline, aligned(16))) int tiny(void) { return EDIT >= 1 ? 2 : 1; }
__attribute__((noinline, aligned(16))) void empty(int *x) {
#if EDIT >= 2
  *x += 10;
#endif
}
__attribute__((noinline, aligned(16))) int after(int x) { return x; }
int main(void) {
  int volatile x = 5;
  int y = x;
  empty(&y);
  printf("%d %d\n", tiny(), after(y));
  return 0;
}
