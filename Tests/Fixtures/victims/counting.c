// Threads that call `step`, each as often as it can: half of them directly, half through a pointer. Besides, one that
// sleeps inside `nap`.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

// Side by side, so that one read gets both.
static struct {
  long counter;
  long rounds;
} shared;
static volatile long never;
static volatile long naps;

__attribute__((noinline)) void step(void) {
  __atomic_fetch_add(&shared.counter, 1, __ATOMIC_SEQ_CST);
  if (never) printf("%ld\n", shared.counter);
}

// In a section of its own, whose end the linker tells.
extern char __stop_napping[];

__attribute__((noinline, section("napping"))) void nap(void) {
  while (!never) {
    naps++;
    usleep(1000);
  }
}

static void (*volatile through)(void) = step;

static void *run(void *number) {
  while (!never) {
    if ((long)number % 2) step();
    else through();
    __atomic_fetch_add(&shared.rounds, 1, __ATOMIC_SEQ_CST);
  }
  return 0;
}

static void *doze(void *unused) {
  nap();
  return unused;
}

int main(void) {
  pthread_t thread;
  for (long number = 0; number < 4; number++) pthread_create(&thread, 0, run, (void *)number);
  pthread_create(&thread, 0, doze, 0);
  pthread_setname_np(thread, "dozing");
  while (naps < 2) usleep(1000);
  printf("counter %p\nrounds %p\n", (void *)&shared.counter, (void *)&shared.rounds);
  printf("step %p\nnap %p\nnapEnd %p\nready\n", (void *)step, (void *)nap, (void *)__stop_napping);
  fflush(stdout);
  pthread_join(thread, 0);
  return 0;
}
