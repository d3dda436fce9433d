//# about: setjmp and longjmp over changed functions, with the stack protector
//# edits: 2
//# build: gcc clang | -O2 -fstack-protector-strong -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O0 -fstack-protector-all -fPIC | -pie
//# build: gcc clang | -O3 -D_FORTIFY_SOURCE=2 -fcf-protection=full -ffunction-sections | -pie -fuse-ld=lld
//# build: gcc clang | -O1 -fstack-protector-strong -ffunction-sections -fno-pie | -no-pie
//# output 0: 83 195
//# output 1: 93 195
//# output 2: 93 240
#include <alloca.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
static jmp_buf place;
__attribute__((noinline)) static void deep(int n) {
  char room[64];
  snprintf(room, sizeof room, "%d", n);
  if (n == 0) longjmp(place, 7 + (EDIT >= 1 ? 1 : 0) + (int)strlen(room));
  deep(n - 1);
}
__attribute__((noinline)) static int try(int n) {
  volatile int tries = 0;
  int code = setjmp(place);
  if (code != 0) return code * 10 + tries;
  tries = n;
  deep(n);
  return -1;
}
__attribute__((noinline)) static int copy(const char *s) {
  char *p = alloca(strlen(s) + 1);
  strcpy(p, s);
#if EDIT >= 2
  memset(p, 'x', 2);
#endif
  return p[0] + p[1];
}
int main(void) {
  printf("%d %d\n", try(3), copy("abc"));
  return 0;
}
