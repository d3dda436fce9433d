// A function that is called all the time, and pages of every protection.
// Prints NAME ADDRESS lines, then `ready`. `calls` counts; `answer` is what the function returned last.
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "victim.h"

long calls;
long last;
static const long constant = 17;
static const long *volatile constant_pointer = &constant;

__attribute__((noinline, aligned(4096))) long answer(void) {
  __asm__ volatile("");
  return 41;
}

static char *page(const char *name, int protection) {
  char *start = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(start, 0x55, 4096);
  mprotect(start, 4096, protection);
  printf("%s %p\n", name, (void *)start);
  return start;
}

int main(void) {
  victim_begin();
  printf("answer %p\ncalls %p\nlast %p\nconstant %p\n", (void *)answer, (void *)&calls, (void *)&last,
         (void *)constant_pointer);
  page("r--", PROT_READ);
  page("r-x", PROT_READ | PROT_EXEC);
  page("rw-", PROT_READ | PROT_WRITE);
  page("rwx", PROT_READ | PROT_WRITE | PROT_EXEC);
  page("---", PROT_NONE);
  // Two protections side by side in one range.
  char *pair = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(pair + 4096, 4096, PROT_READ | PROT_EXEC);
  printf("pair %p\n", (void *)pair);
  // A hole with room on both sides.
  char *hole = mmap(0, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(hole + 65536, 65536);
  printf("hole %p\nready\n", (void *)(hole + 65536));
  fflush(stdout);
  for (;;) {
    last = answer();
    calls++;
    usleep(100);
  }
}
