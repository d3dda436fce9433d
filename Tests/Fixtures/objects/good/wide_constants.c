//# about: constants of 8 to 64 bytes: long double, complex, vectors of AVX and AVX-512
//# edits: 2
//# build: gcc clang | -O2 -ffunction-sections -mavx2 -fPIE | -pie
//# build: gcc clang | -O3 -ffast-math -mavx2 -fPIC | -pie -fuse-ld=lld
//# build: gcc clang | -O1 -mavx2 -ffunction-sections -fno-pie | -no-pie
//# output 0: 4.000 -2.00 4.00 544 16.000 1.50
//# output 1: 7.000 -2.00 4.00 524 16.000 1.25
//# output 2: 7.000 3.00 1.00 524 20.000 1.25
#include <complex.h>
#include <stdio.h>
typedef int v8 __attribute__((vector_size(32)));
typedef double v4 __attribute__((vector_size(32)));
__attribute__((noinline)) static long double far(long double x) { return x * (EDIT >= 1 ? 3.25L : 1.75L) + 0.5L; }
__attribute__((noinline)) static double complex turn(double complex x) { return x * (EDIT >= 2 ? 2.0 - 1.0 * I : 1.0 + 3.0 * I); }
__attribute__((noinline)) static int sum(int x) {
  v8 a = {x, x + 1, x + 2, x + 3, x + 4, x + 5, x + 6, x + 7};
  a = a * (v8){1, 2, 3, 5, 7, 11, 13, EDIT >= 1 ? 17 : 19} + (v8){9, 8, 7, 6, 5, 4, 3, 2};
  int s = 0;
  for (int i = 0; i < 8; i++) s += a[i];
  return s;
}
__attribute__((noinline)) static double mix(double x) {
  v4 a = {x, x, x, x};
  a *= (v4){0.5, 1.5, EDIT >= 2 ? 4.5 : 2.5, 3.5};
  return a[0] + a[1] + a[2] + a[3];
}
__attribute__((noinline)) static float absolute(float x) { return __builtin_fabsf(x) - (EDIT >= 1 ? 0.25f : 0.0f); }
int main(void) {
  double complex c = turn(1.0 + 1.0 * I);
  printf("%.3Lf %.2f %.2f %d %.3f %.2f\n", far(2.0L), creal(c), cimag(c), sum(3), mix(2.0), absolute(-1.5f));
  return 0;
}
