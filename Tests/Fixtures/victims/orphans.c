// The main thread ends; one thread goes on.
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "victim.h"

long loops;
long constant = 42;

static void *run(void *unused) {
  for (;;) {
    __atomic_add_fetch(&loops, 1, __ATOMIC_RELAXED);
    usleep(200);
  }
  return unused;
}

int main(void) {
  victim_begin();
  pthread_t thread;
  if (pthread_create(&thread, 0, run, 0) || pthread_create(&thread, 0, run, 0)) return 1;
  printf("loops %p\nconstant %p\nready\n", (void *)&loops, (void *)&constant);
  fflush(stdout);
  pthread_exit(0);
}
