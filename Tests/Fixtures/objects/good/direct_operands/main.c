//# about: code that is not PIC reads, writes and takes the address of a library's variables, by all kinds of operands
//# edits: 2
//# library: helper.c
//# build: gcc clang | -O2 -ffunction-sections -fno-pie | -no-pie
//# build: gcc | -O0 -fPIE -mavx2 | -pie
//# build: clang | -O1 -fPIE -fdirect-access-external-data -ffunction-sections | -pie -fuse-ld=lld
//# build: gcc | -O3 -ffunction-sections -fPIE -mavx512f | -pie
//# matrix: none
//# output 0: 4 201906
//# output 1: 118 1034785
//# output 2: 10118 766405
#include <stdio.h>
extern int words[8], counter;
extern double ratio;
extern float weights[4];
extern long double wide;
extern unsigned char flag;
struct pair { long a, b; };
extern struct pair pair;
int library_sum(void);
__attribute__((noinline)) static int work(int i, double x) {
#if EDIT
  counter = 4;
  counter += i;
  counter++;
  flag = counter > 6;
  ratio = ratio * x + counter;
  words[i] = words[i + 1] * 3;
  words[2] -= 5;
  weights[1] += (float)x;
  weights[i] = weights[1] * 2;
  wide += 1.5L;
  pair.b = pair.a << 3;
  for (int k = 0; k < 4; k++) weights[k] *= 0.5f;
#endif
#if EDIT >= 2
  int *p = &words[3];
  p[1] = 1000;
  pair = (struct pair){pair.b, counter == 7};
  return (int)(ratio * 10) + (p == words + i) + (flag ? 10000 : 0);
#elif EDIT
  return (int)(ratio * 10) + flag;
#else
  return i + (int)x;
#endif
}
int main(void) {
  int n = work(3, 1.5);
  printf("%d %d\n", n, library_sum());
  return 0;
}
