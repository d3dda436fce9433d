//# about: interpreters by computed goto, with tables of addresses and of distances
//# edits: 3
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O0 -fPIC | -pie
//# build: gcc clang | -O3 -fPIC -fno-plt -fcf-protection=full -ffunction-sections | -pie -fuse-ld=lld
//# build: gcc clang | -O1 -ffunction-sections -fno-pie | -no-pie
//# output 0: 106 14
//# output 1: 136 14
//# output 2: -136 14
//# output 3: -136 10
#include <stdio.h>
__attribute__((noinline)) static int run(const unsigned char *code, int x) {
  static const void *const table[] = {&&halt, &&add, &&twice, &&back,
#if EDIT >= 2
    &&negate,
#endif
  };
  const unsigned char *start = code;
  int budget = 20;
#define NEXT if (--budget < 0) return -99; goto *table[*code++]
  NEXT;
add: x += *code++ + (EDIT >= 1); NEXT;
twice: x *= 2; NEXT;
back: if (x < 100) { code = start; } else { code++; } NEXT;
#if EDIT >= 2
negate: x = -x; NEXT;
#endif
halt: return x;
}
__attribute__((noinline)) static int near(const unsigned char *code, int x) {
  static const int table[] = {&&halt - &&halt, &&add - &&halt, &&twice - &&halt,
#if EDIT >= 3
    &&half - &&halt,
#endif
  };
  int budget = 9;
#define STEP if (--budget < 0) return -98; goto *(&&halt + table[*code++])
  STEP;
add: x += *code++; STEP;
twice: x *= 2 + (EDIT >= 3); STEP;
#if EDIT >= 3
half: x /= 2; STEP;
#endif
halt: return x;
}
int main(void) {
  static const unsigned char code[] = {1, 3, 2, 3, 2,
#if EDIT >= 2
    4,
#endif
    0};
  static const unsigned char other[] = {1, 5, 2,
#if EDIT >= 3
    3,
#endif
    0};
  printf("%d %d\n", run(code, 1), near(other, 2));
  return 0;
}
