// Counts what its handlers get: `sum` of the values that came with real-time signals, `count` of them, `alarms`.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "victim.h"

long count;
long sum;
long wrong;
long interruptions;

static void handle(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)context;
  if (info->si_code != SI_QUEUE) __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
  __atomic_add_fetch(&sum, info->si_value.sival_int, __ATOMIC_RELAXED);
  __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
}

static void *run(void *unused) {
  for (;;) usleep(100);
  return unused;
}

int main(int argumentCount, char **arguments) {
  (void)arguments;
  victim_begin();
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGRTMIN, &action, 0);
  sigaction(SIGUSR1, &action, 0);
  // It continues a stopped process all the same, and waits for ever to be delivered.
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCONT);
  sigprocmask(SIG_BLOCK, &blocked, 0);
  for (int index = 1; index < argumentCount; index++) {
    pthread_t thread;
    pthread_create(&thread, 0, run, 0);
  }
  printf("count %p\nsum %p\nwrong %p\ninterruptions %p\nready\n", (void *)&count, (void *)&sum, (void *)&wrong,
         (void *)&interruptions);
  fflush(stdout);
  // SIGCHLD has its default disposition: a child's end must not be noticed here, tracer or not.
  int set = epoll_create1(0);
  struct epoll_event event;
  for (;;) {
    if (epoll_wait(set, &event, 1, -1) < 0 && errno == EINTR) interruptions++;
  }
}
