// A thread in a signal handler on an alternate stack, having interrupted `innermost`, called by `outer`.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "victim.h"

static volatile int inside;
static volatile int done;
static volatile int never;

static void handle(int signal) {
  (void)signal;
  inside = 1;
  while (!never) usleep(1000);
}

__attribute__((noinline)) void innermost(void) {
  while (!done) {
  }
}

__attribute__((noinline)) long outer(void) {
  innermost();
  return done + 1;
}

static void *run(void *unused) {
  size_t count = 65536;
  stack_t stack = {mmap(0, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 0, count};
  sigaltstack(&stack, 0);
  outer();
  return unused;
}

int main(void) {
  victim_begin();
  struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
  pthread_t thread;
  sigaction(SIGUSR1, &action, 0);
  pthread_create(&thread, 0, run, 0);
  pthread_setname_np(thread, "handler");
  usleep(20000);
  pthread_kill(thread, SIGUSR1);
  while (!inside) usleep(1000);
  printf("innermost %p\nouter %p\nready\n", (void *)innermost, (void *)outer);
  fflush(stdout);
  pthread_join(thread, 0);
  return 0;
}
