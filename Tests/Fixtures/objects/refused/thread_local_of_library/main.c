//# about: a thread-local variable of a library
//# build: gcc clang | -O2 -fPIC -ffunction-sections | -pie
//# library: helper.c
//# refuse: importedThreadLocal shared
#include <stdio.h>
extern __thread int shared;
int helped(void);
__attribute__((noinline)) static int work(void) {
#if EDIT
  return shared;
#else
  return helped();
#endif
}
int main(void) { return printf("%d\n", work()) < 0; }
