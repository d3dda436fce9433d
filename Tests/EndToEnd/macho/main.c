/* The main file of the program of the arm64 session where it is linked as Mach-O: without headers, for there is no
   library to compile against, with imports of libSystem of which one comes with an edit. */
#include "program.h"

extern int getpid(void);
extern int getppid(void);

static word rounds = 3;
static int (*ask)(void) = getpid;

static word round_of(word at) {
  rounds += at % (EDIT >= 3 ? 5 : 3);
  return result(at) + rounds + (word)ask();
}

#if EDIT >= 5
static int (*const asks[])(void) = {getpid, getppid};
#endif

#if EDIT >= 16
/* Of a library that the image loads, and imported by no object that it was linked from. */
extern int getpgrp(void);
#endif

word rounds_until(word last) {
  word sum = 0;
  for (word at = 0; at < last; at++) sum = sum * 31 + round_of(at);
#if EDIT >= 5
  sum += (word)getppid() + (word)asks[last & 1]();
#endif
#if EDIT >= 16
  sum ^= (word)getpgrp() << 3;
#endif
  return sum;
}

int main(void) { return (int)rounds_until(40) + getppid(); }
