// Return addresses into `marked` that are left over in a live frame, or are really there, by what argv[1] says.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "victim.h"

static volatile int ready;
static volatile int count;
static volatile int never;
static const char *mode;

extern char __start_guarded[], __stop_guarded[];

static void tell(void);

static void wait_here(void) {
  tell();
  while (!never) pause();
}

__attribute__((noinline)) static void spin_here(void) {
  tell();
  while (!never) {
  }
}

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

// Into the vDSO, through call stubs, into the kernel and back from the library.
__attribute__((noinline)) static void call_here(void) {
  tell();
  while (!never) {
    struct timespec now;
    int numbers[16];
    clock_gettime(CLOCK_MONOTONIC, &now);
    for (int index = 0; index < 16; index++) numbers[index] = (int)(now.tv_nsec >> index) & 255;
    qsort(numbers, 16, sizeof *numbers, compare);
    count += numbers[0] + (int)getppid() + (int)strlen(mode);
    free(malloc((size_t)numbers[15] + 1));
  }
}

__attribute__((noinline)) static void touch(void) {
  volatile char room[64];
  room[0] = (char)++count;
}

static void handle(int signal) {
  (void)signal;
  wait_here();
}

// Alone in its section, for the linker to tell where it ends.
__attribute__((noinline, section("guarded"))) void marked(int depth) {
  if (depth > 0) marked(depth - 1);
  touch();
  if (depth == 0 && !strcmp(mode, "inside")) wait_here();
  if (depth == 0 && !strcmp(mode, "handler")) {
    signal(SIGUSR1, handle);
    raise(SIGUSR1);
  }
  ++count;
}

// Covers what `marked` has used of the stack, and clears nothing of it.
__attribute__((noinline)) void holder(void (*then)(void)) {
  volatile char room[16384];
  count += room[count & 16383] & 0;
  then();
  ++count;
}

static void *run(void *unused) {
  marked(20);
  holder(!strcmp(mode, "spinning") ? spin_here : !strcmp(mode, "calling") ? call_here : wait_here);
  return unused;
}

static void tell(void) {
  if (ready) return;
  ready = 1;
  printf("start %p\nend %p\nready\n", (void *)__start_guarded, (void *)__stop_guarded);
  fflush(stdout);
}

int main(int argc, char **argv) {
  victim_begin();
  mode = argc > 1 ? argv[1] : "stale";
  if (strcmp(mode, "thread")) return run(0) != 0;
  pthread_t thread;
  pthread_create(&thread, 0, run, 0);
  pthread_join(thread, 0);
  return 0;
}
