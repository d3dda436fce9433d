#include <stdio.h>
#include <string.h>

#include "program.h"

static __thread word rounds = 3;

static word round_of(word at) {
  rounds += at % (EDIT >= 3 ? 5 : 3);
  return result(at) + rounds;
}

int main(void) {
  for (word at = 0; at < 40; at++) printf("%d: %llx\n", (int)at, round_of(at));
#if EDIT >= 5
  puts(strchr("a new import", 'n'));
#endif
  return 0;
}
