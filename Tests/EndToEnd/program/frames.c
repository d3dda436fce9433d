// Answers each line of its input with a line: `say` with whether a backtrace reaches main through the newest body of `say`,
// `thread` starts a thread that waits in `wait_here`, `cancel` cancels it and tells what its cleanup handler was told.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile int waiting;
static volatile int cleaned;

__attribute__((noinline)) int reaches_main(void) {
  void *frames[64];
  int count = backtrace(frames, 64);
  for (int index = 0; index < count; index++) {
    Dl_info info;
    if (dladdr(frames[index], &info) && info.dli_sname && !strcmp(info.dli_sname, "main")) return 1;
  }
  return 0;
}

static void clean(void *what) { cleaned = *(int *)what; }

__attribute__((noinline)) void wait_here(int number) {
  int told = number + EDIT;
#if EDIT > 0
  char room[100 * EDIT];
  memset(room, EDIT, sizeof room);
  told += 10 * room[number];
#endif
  pthread_cleanup_push(clean, &told);
  waiting = 1;
  for (;;) pause();
  pthread_cleanup_pop(0);
}

__attribute__((noinline)) void say(int number) {
#if EDIT > 0
  char room[200 * EDIT];
  memset(room, EDIT, sizeof room);
  number += room[number];
#endif
  printf("edit %d, %s\n", number - 1, reaches_main() ? "reached" : "lost");
}

static void *work(void *unused) {
  wait_here(7);
  return unused;
}

int main(void) {
  char line[100];
  pthread_t thread = 0;
  setvbuf(stdout, 0, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin)) {
    if (line[0] == 's') say(1);
    if (line[0] == 't') {
      waiting = 0;
      pthread_create(&thread, 0, work, 0);
      while (!waiting) usleep(1000);
      puts("started");
    }
    if (line[0] == 'c') {
      void *result = 0;
      pthread_cancel(thread);
      pthread_join(thread, &result);
      printf("cleaned %d, %s\n", cleaned, result == PTHREAD_CANCELED ? "cancelled" : "returned");
    }
  }
  return 0;
}
