// Threads that start threads that end at once, as fast as they can. Argument: how many start them.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "victim.h"

long started;
long failed;

static void *end(void *unused) { return unused; }

static void *churn(void *unused) {
  for (;;) {
    pthread_t thread;
    if (pthread_create(&thread, 0, end, 0)) {
      __atomic_add_fetch(&failed, 1, __ATOMIC_RELAXED);
      continue;
    }
    pthread_join(thread, 0);
    __atomic_add_fetch(&started, 1, __ATOMIC_RELAXED);
  }
  return unused;
}

int main(int count, char **arguments) {
  victim_begin();
  int starters = count > 1 ? atoi(arguments[1]) : 1;
  printf("started %p\nfailed %p\nready\n", (void *)&started, (void *)&failed);
  fflush(stdout);
  for (int index = 1; index < starters; index++) {
    pthread_t thread;
    pthread_create(&thread, 0, churn, 0);
  }
  churn(0);
  return 0;
}
