//# about: backtraces, cleanups and cancelled threads get through new bodies
//# edits: 3
//# build: gcc clang | -O2 -fexceptions -ffunction-sections | -pie -rdynamic -pthread
//# build: gcc | -O1 -fexceptions -fno-pie -ffunction-sections | -no-pie -rdynamic -pthread
//# build: gcc clang | -O1 -fexceptions -fPIC -fno-plt -ffunction-sections | -pie -rdynamic -pthread -fuse-ld=lld
//# build: gcc | -Os -fexceptions -ffunction-sections | -pie -rdynamic -pthread -fuse-ld=mold
//# matrix: none
//# output 0: inner: main is reached
//# output 0: left with 3
//# output 0: cleanup: main is reached
//# output 0: cleaned the first
//# output 0: left with 5
//# output 0: cleanup: no way to main
//# output 0: cancelled: 1
//# output 1: inner at edit 1, 3
//# output 1: inner: main is reached
//# output 1: left with 3
//# output 1: cleanup: main is reached
//# output 1: cleaned one more
//# output 1: cleaned the first
//# output 1: left with 1
//# output 1: cleanup: no way to main
//# output 1: cancelled: 1
//# output 2: outer at edit 2, 9
//# output 2: inner at edit 1, 3
//# output 2: inner: main is reached
//# output 2: left with 3
//# output 2: cleanup: main is reached
//# output 2: cleaned one more
//# output 2: cleaned the first
//# output 2: left with 2
//# output 2: cleanup: no way to main
//# output 2: cancelled: 1
//# output 3: outer at edit 2, 9
//# output 3: inner at edit 1, 3
//# output 3: inner, with one more: main is reached
//# output 3: inner: main is reached
//# output 3: left with 9
//# output 3: cleanup: main is reached
//# output 3: left with 3
//# output 3: cleanup: main is reached
//# output 3: cleaned one more
//# output 3: cleaned the first
//# output 3: left with 3
//# output 3: cleanup: no way to main
//# output 3: cancelled: 1
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile int counter;

__attribute__((noinline)) void trace(const char *what) {
  void *frames[64];
  int count = backtrace(frames, 64);
  int reached = 0;
  for (int index = 0; index < count; index++) {
    Dl_info info;
    if (dladdr(frames[index], &info) && info.dli_sname && !strcmp(info.dli_sname, "main")) reached = 1;
  }
  printf("%s: %s\n", what, reached ? "main is reached" : "no way to main");
  counter++;
}

static void leave(int *number) {
  printf("left with %d\n", *number);
  trace("cleanup");
}

__attribute__((noinline)) void inner(int number) {
  int room[number + 8];
  memset(room, number, sizeof room);
  __attribute__((cleanup(leave))) int kept = number;
#if EDIT >= 1
  printf("inner at edit 1, %d\n", room[number] & 0xff);
#endif
#if EDIT >= 3
  __attribute__((cleanup(leave))) int more = number * 3 + counter * 0;
  trace("inner, with one more");
#endif
  trace("inner");
  counter += kept;
}

__attribute__((noinline)) int outer(int number) {
#if EDIT >= 2
  long wide[64];
  for (int index = 0; index < 64; index++) wide[index] = index * number;
  printf("outer at edit 2, %ld\n", wide[number & 63]);
#endif
  inner(number);
  return counter;
}

static void cleaned(void *what) { printf("cleaned %s\n", (const char *)what); }

static void *work(void *unused) {
  __attribute__((cleanup(leave))) int number = 5;
  pthread_cleanup_push(cleaned, "the first");
#if EDIT >= 1
  pthread_cleanup_push(cleaned, "one more");
  number = EDIT;
#endif
  counter++;
  for (;;) pause();
#if EDIT >= 1
  pthread_cleanup_pop(0);
#endif
  pthread_cleanup_pop(0);
  return unused;
}

int main(void) {
  setvbuf(stdout, 0, _IOLBF, 0);
  outer(3);
  pthread_t thread;
  counter = 0;
  pthread_create(&thread, 0, work, 0);
  while (!counter) usleep(1000);
  pthread_cancel(thread);
  void *result = 0;
  pthread_join(thread, &result);
  printf("cancelled: %d\n", result == PTHREAD_CANCELED);
  return 0;
}
