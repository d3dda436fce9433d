//# about: strings of which the linker keeps one for several, tails included
//# edits: 3
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O0 -fPIC | -pie
//# build: gcc clang | -O3 -fPIC -fno-plt -fcf-protection=full -ffunction-sections | -pie -fuse-ld=lld
//# build: gcc clang | -O1 -ffunction-sections -fno-pie | -no-pie
//# output 0: hello world0 world1 ld0 rld a hello world world
//# output 1: hello world0 world1 ld0 lo world a hello world world
//# output 2: hello world0 world0 ld0 lo world a hello world wide world
//# output 3: hello world0 world0 ld0 orld0 lo world a hello world wide world
#include <stdio.h>
#include <string.h>
static const char *const names[] = {"hello world", "world", "ld",
#if EDIT >= 3
  "orld",
#endif
};
__attribute__((noinline)) static const char *pick(int i) { return i ? "a hello world" : EDIT >= 1 ? "lo world" : "rld"; }
__attribute__((noinline)) static int equal(const char *s) { return strcmp(s, EDIT >= 2 ? "hello" : "world") == 0; }
int main(void) {
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) printf("%s%d ", names[i], equal(names[i]));
  printf("%s %s %ls\n", pick(0), pick(1), EDIT >= 2 ? L"wide world" : L"world");
  return 0;
}
