//# about: what stands behind a new entry of a table of strings stays where it is
//# edits: 3
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O1 -ffunction-sections -fno-pie | -no-pie
//# build: gcc | -O2 -ffunction-sections -fPIC | -pie -fuse-ld=lld
//# output 0: step=1 stop=2 reset=3 print=4 of 4 commands
//# output 1: step=1 halt=5 stop=2 reset=3 print=4 of 5 commands
//# output 2: step=1 halt=5 stop=2 reset=3 print=4 wait=6 of 6 commands
//# output 3: halt=5 stop=2 step=1 reset=3 print=4 of 5 commands
//# literals 1: 1
//# literals 2: 1
//# literals 3: 0
#include <stdio.h>
struct command { const char *name; int number; };
static const struct command commands[] = {
#if EDIT < 3
  {"step", 1},
#endif
#if EDIT >= 1
  {"halt", 5},
#endif
  {"stop", 2},
#if EDIT >= 3
  {"step", 1},
#endif
  {"reset", 3}, {"print", 4},
#if EDIT == 2
  {"wait", 6},
#endif
};
int main(void) {
  int count = sizeof commands / sizeof *commands;
  for (volatile int i = 0; i < count; i++) printf("%s=%d ", commands[i].name, commands[i].number);
  printf("of %d commands\n", count);
  return 0;
}
