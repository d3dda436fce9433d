//# about: a function changes that the compiler has made in several forms, of which the loader takes one at the start
//# build: clang | -O2 -ffunction-sections | -pie
//# refuse: resolverChanged work
#include <stdio.h>
__attribute__((target_clones("avx2", "default"))) int work(int x) { return x * 3 + EDIT; }
int main(void) {
  printf("%d\n", work(1));
  return 0;
}
