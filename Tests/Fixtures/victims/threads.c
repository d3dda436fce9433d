// Threads that sit in one kind of wait each. Arguments: KIND…; a thread is started for each.
// Prints, one a line: the address of the count of EINTRs seen, and of the count of loops; then `ready`.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "victim.h"

long interruptions;
long loops;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;

static void check(long result) {
  if (result < 0 && errno == EINTR) __atomic_add_fetch(&interruptions, 1, __ATOMIC_RELAXED);
  __atomic_add_fetch(&loops, 1, __ATOMIC_RELAXED);
}

static void *spin(void *unused) {
  for (;;) __atomic_add_fetch(&loops, 1, __ATOMIC_RELAXED);
  return unused;
}

static void *sleep_long(void *unused) {
  for (;;) {
    struct timespec time = {1000, 0};
    check(nanosleep(&time, 0));
  }
  return unused;
}

static void *sleep_short(void *unused) {
  for (;;) {
    struct timespec time = {0, 200000};
    check(nanosleep(&time, 0));
  }
  return unused;
}

static void *wait_poll(void *unused) {
  for (;;) check(poll(0, 0, -1));
  return unused;
}

static void *wait_epoll(void *unused) {
  int set = epoll_create1(0);
  struct epoll_event event;
  for (;;) check(epoll_wait(set, &event, 1, -1));
  return unused;
}

static void *wait_epoll_short(void *unused) {
  int set = epoll_create1(0);
  struct epoll_event event;
  for (;;) check(epoll_wait(set, &event, 1, 1));
  return unused;
}

static void *wait_condition(void *unused) {
  pthread_mutex_lock(&lock);
  for (;;) pthread_cond_wait(&never, &lock);
  return unused;
}

static void *wait_read(void *unused) {
  int ends[2];
  char byte;
  if (pipe(ends)) return unused;
  for (;;) check(read(ends[0], &byte, 1));
  return unused;
}

static void *wait_receive(void *unused) {
  int ends[2];
  char byte;
  struct timeval timeout = {1000, 0};
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends)) return unused;
  setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  for (;;) check(recv(ends[0], &byte, 1, 0));
  return unused;
}

static void *wait_signal(void *unused) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMAX);
  sigprocmask(SIG_BLOCK, &set, 0);
  for (;;) check(sigwaitinfo(&set, 0));
  return unused;
}

static const struct {
  const char *name;
  void *(*run)(void *);
} kinds[] = {
    {"spin", spin},
    {"sleep", sleep_long},
    {"nap", sleep_short},
    {"poll", wait_poll},
    {"epoll", wait_epoll},
    {"epoll-short", wait_epoll_short},
    {"condition", wait_condition},
    {"read", wait_read},
    {"receive", wait_receive},
    {"signal", wait_signal},
};

int main(int count, char **arguments) {
  victim_begin();
  for (int argument = 1; argument < count; argument++) {
    for (unsigned kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
      if (strcmp(kinds[kind].name, arguments[argument])) continue;
      pthread_t thread;
      pthread_attr_t attributes;
      pthread_attr_init(&attributes);
      pthread_attr_setstacksize(&attributes, 65536);
      if (pthread_create(&thread, &attributes, kinds[kind].run, 0)) return 1;
      pthread_setname_np(thread, kinds[kind].name);
    }
  }
  usleep(50000);
  printf("interruptions %p\nloops %p\nready\n", (void *)&interruptions, (void *)&loops);
  fflush(stdout);
  wait_epoll(0);
  return 0;
}
