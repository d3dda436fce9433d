//# about: an element goes from a section that the program walks as an array
//# build: gcc clang | -O2 -ffunction-sections | -pie
//# build: gcc clang | -O0 | -pie -fuse-ld=lld
//# refuse: linkerSetChanged second commands
#include <stdio.h>
typedef struct { const char *name; int n; } command;
#define COMMAND(name, n) static const command name __attribute__((section("commands"), used)) = {#name, n}
COMMAND(first, 1);
#if !EDIT
COMMAND(second, 2);
#endif
extern const command __start_commands[], __stop_commands[];
int main(void) {
  for (const command *c = __start_commands; c < __stop_commands; c++) printf("%s %d\n", c->name, c->n);
  return 0;
}
