//# about: floating point and vector constants
//# edits: 2
//# output 0: 3.25 2.50 6.0 1 2 3 4
//# output 1: 3.75 2.50 6.0 1 2 3 4
//# output 2: 3.75 2.50 7.0 1 2 30 4
#include <stdio.h>
typedef int v4 __attribute__((vector_size(16)));
__attribute__((noinline)) static double sum(double x) { return x * 1.25 + (EDIT >= 1 ? 2.5 : 2.0); }
__attribute__((noinline)) static float half(float x) { return x * 0.5f; }
__attribute__((noinline)) static long double big(long double x) { return x * (EDIT >= 2 ? 3.5L : 3.0L); }
__attribute__((noinline)) static v4 vector(v4 x) { return x + (v4){1, 1, EDIT >= 2 ? 28 : 1, 1}; }
int main(void) {
  v4 v = vector((v4){0, 1, 2, 3});
  printf("%.2f %.2f %.1Lf %d %d %d %d\n", sum(1), half(5), big(2), v[0], v[1], v[2], v[3]);
  return 0;
}
