// A thread in a signal handler on an alternate stack, having interrupted `innermost`, called by `outer`.
//
// usage: altstack WHERE, where that stack is: `apart`, mapped by itself; `local`, a thread-local array, which the C library puts above
// the thread's stack; `frame`, an array in a frame of the interrupted stack. With `returned` behind it, the handler has returned, and
// the thread waits outside of both.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "victim.h"

static volatile int inside;
static volatile int done;
static volatile int never;

static int returns;

static void handle(int signal) {
  (void)signal;
  inside = 1;
  if (returns) done = 1;
  while (!never && !returns) usleep(1000);
}

__attribute__((noinline)) void innermost(void) {
  while (!done) {
  }
}

__attribute__((noinline)) long outer(void) {
  innermost();
  return done + 1;
}

static const char *where;

static void *run(void *unused) {
  size_t count = 65536;
  static __thread char local[65536];
  char frame[65536];
  void *room = !strcmp(where, "local")   ? local
               : !strcmp(where, "frame") ? frame
                                         : mmap(0, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  stack_t stack = {room, 0, count};
  sigaltstack(&stack, 0);
  outer();
  inside = 2;
  while (!never) usleep(1000);
  return unused;
}

int main(int count, char **arguments) {
  where = count > 1 ? arguments[1] : "apart";
  returns = count > 2;
  victim_begin();
  struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
  pthread_t thread;
  sigaction(SIGUSR1, &action, 0);
  pthread_create(&thread, 0, run, 0);
  pthread_setname_np(thread, "handler");
  usleep(20000);
  pthread_kill(thread, SIGUSR1);
  while (inside < 1 + returns) usleep(1000);
  printf("innermost %p\nouter %p\nready\n", (void *)innermost, (void *)outer);
  fflush(stdout);
  pthread_join(thread, 0);
  return 0;
}
