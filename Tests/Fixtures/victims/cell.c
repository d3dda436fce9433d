// Threads that read one aligned word all the time, and count values that are neither of the two it is given.
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "victim.h"

_Alignas(64) unsigned long cell = 0x1111111111111111;
long mixed;
long changes;

static void *watch(void *unused) {
  unsigned long before = cell;
  for (;;) {
    unsigned long now = __atomic_load_n(&cell, __ATOMIC_RELAXED);
    if (now != 0x1111111111111111 && now != 0xeeeeeeeeeeeeeeee) __atomic_add_fetch(&mixed, 1, __ATOMIC_RELAXED);
    if (now != before) __atomic_add_fetch(&changes, 1, __ATOMIC_RELAXED);
    before = now;
  }
  return unused;
}

int main(void) {
  victim_begin();
  pthread_t thread;
  pthread_create(&thread, 0, watch, 0);
  printf("cell %p\nmixed %p\nchanges %p\nready\n", (void *)&cell, (void *)&mixed, (void *)&changes);
  fflush(stdout);
  for (;;) pause();
}
