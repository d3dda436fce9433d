// A jmp_buf on the stack whose setjmp was called in `saver`: the only trace of it there is mangled.
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

static volatile int never;

__attribute__((noinline)) int saver(jmp_buf buffer) {
  int result = setjmp(buffer);
  __asm__ volatile("" ::: "memory");
  return result + 1;
}

__attribute__((noinline)) void clear(void) {
  volatile char room[8192];
  memset((void *)room, 0, sizeof room);
}

__attribute__((noinline)) void untouched(void) { __asm__ volatile("nop;nop;nop;nop;nop;nop;nop;nop"); }

int main(void) {
  victim_begin();
  jmp_buf buffer;
  saver(buffer);
  clear();
  printf("saver %p\nuntouched %p\nready\n", (void *)saver, (void *)untouched);
  fflush(stdout);
  while (!never) usleep(1000);
  longjmp(buffer, 1);
}
