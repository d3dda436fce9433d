//# about: variadic calls into libc, and a variadic function of the program
//# output 0: 6 1.50 x
//# output 1: 106 1.50 x 2.5
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
__attribute__((noinline)) static int sum(int count, ...) {
  va_list list;
  va_start(list, count);
  int total = EDIT ? 100 : 0;
  while (count-- > 0) total += va_arg(list, int);
  va_end(list);
  return total;
}
__attribute__((noinline)) static void show(const char *format, ...) {
  char text[100];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
#if EDIT
  size_t n = strlen(text);
  snprintf(text + n, sizeof text - n, " %.1f", 2.5);
#endif
  puts(text);
}
int main(void) {
  show("%d %.2f %c", sum(3, 1, 2, 3), 1.5, 'x');
  return 0;
}
