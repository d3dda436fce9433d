//# about: variadic functions of the program's own, one of which starts to walk doubles
//# edits: 2
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O0 -fPIC | -pie
//# build: gcc clang | -O3 -fPIC -fno-plt -fcf-protection=full -ffunction-sections | -pie -fuse-ld=lld
//# build: gcc clang | -O1 -ffunction-sections -fno-pie | -no-pie
//# output 0: 3.50 7.25 9
//# output 1: 103.50 257.25 13
//# output 2: 103.50 257.25 113
#include <stdarg.h>
#include <stdio.h>
__attribute__((noinline)) static double total(const char *kinds, ...) {
  va_list list, again;
  va_start(list, kinds);
  va_copy(again, list);
  double sum = 0;
  for (const char *k = kinds; *k; k++) sum += *k == 'i' ? va_arg(list, int) : *k == 'd' ? va_arg(list, double) : 0;
#if EDIT >= 1
  sum += *kinds == 'i' ? va_arg(again, int) * 100 : va_arg(again, double) * 1000;
#endif
  va_end(again);
  va_end(list);
  return sum;
}
__attribute__((noinline)) static int print(const char *format, ...) {
  va_list list;
  va_start(list, format);
  int n = vprintf(format, list);
  va_end(list);
  return n + (EDIT >= 2 ? 100 : 0);
}
int main(void) {
  int n = print("%.2f %.2f", total("iid", 1, 2, 0.5), total("dii", 0.25, 3, 4));
  print(" %d\n", n);
  return 0;
}
