//# about: library functions and data referred to for the first time
//# edits: 3
//# build: gcc clang | -O2 -ffunction-sections -fPIC | -pie
//# build: gcc clang | -O2 -fPIC -fno-plt | -pie -fuse-ld=lld
//# build: gcc clang | -O1 -fPIC -ffunction-sections | -no-pie -fuse-ld=gold
//# build: gcc clang | -O2 -fPIC -ffunction-sections | -pie -fuse-ld=mold
//# output 0: start
//# output 1: start 4 abc 1.41
//# output 2: start 4 abc 1.41 1 12 1 0
//# output 3: start 4 abc 1.41 1 12 1 0 321
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
extern char **environ;
extern int never_defined(void) __attribute__((weak));
#if EDIT >= 3
static int descending(const void *a, const void *b) { return *(const char *)b - *(const char *)a; }
static int (*volatile comparer)(const char *, const char *) = strcmp;
#endif
__attribute__((noinline)) static void work(void) {
#if EDIT >= 1
  char text[10] = "abc";
  volatile double two = 2;
  printf(" %d %s %.2f", (int)strlen("four"), strchr(text, 'a'), sqrt(two));
#endif
#if EDIT >= 2
  printf(" %d", optind);
  fprintf(stdout, " %d %d %d", atoi("12"), environ != 0, never_defined ? 1 : 0);
#endif
#if EDIT >= 3
  qsort(text, 3, 1, descending);
  for (char *c = text; *c; c++) *c -= 'a' - '1';
  if (comparer(text, "321") == 0) printf(" %s", text);
#endif
}
int main(void) {
  printf("start");
  work();
  printf("\n");
  return 0;
}
