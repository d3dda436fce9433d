// A process whose pauses are measured from inside itself, the same way whoever causes them. Each thread samples the clock
// for ever and keeps the longest time between two samples. usage: victim FILE THREADS spin|sleep
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

long answer(long);

enum { periods = 65536 };

// Shared with the measuring program through FILE. A period of measurement is begun by the next number in `period`; a thread
// has ended the one before once it is counted in `arrived`.
struct board {
  atomic_ulong period;
  atomic_ulong arrived;
  // The value of the program's function that changes, and when a thread saw it first.
  atomic_ulong value;
  atomic_ulong value_since;
  // The longest any thread was away, for each period: what it found later than it had planned.
  atomic_ulong longest[periods];
  // The longest that all threads were away at once.
  atomic_ulong together[periods];
};

static struct board *board;
static _Atomic unsigned long last_sample;
static int is_sleeping;
static long sleep_nanoseconds;

static unsigned long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ul + time.tv_nsec;
}

static void raise_to(atomic_ulong *place, unsigned long value) {
  unsigned long known = atomic_load(place);
  while (known < value && !atomic_compare_exchange_weak(place, &known, value)) {}
}

static void *watch(void *unused) {
  unsigned long period = 0, longest = 0, previous = now();
  for (;;) {
    unsigned long due = previous;
    if (is_sleeping) {
      due += sleep_nanoseconds;
      struct timespec time = {due / 1000000000ul, due % 1000000000ul};
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, 0);
    }
    unsigned long sample = now();
    if (sample - due > longest) longest = sample - due;
    unsigned long other = atomic_exchange(&last_sample, sample);
    if (other && sample > other) raise_to(&board->together[period % periods], sample - other);
    unsigned long value = answer(3);
    if (value != atomic_load_explicit(&board->value, memory_order_relaxed)) {
      atomic_store(&board->value_since, now());
      atomic_store(&board->value, value);
    }
    unsigned long next = atomic_load_explicit(&board->period, memory_order_relaxed);
    if (next != period) {
      raise_to(&board->longest[period % periods], longest);
      period = next;
      longest = 0;
      atomic_fetch_add(&board->arrived, 1);
    }
    previous = sample;
  }
  return unused;
}

int main(int count, char **words) {
  if (count != 4) return 64;
  int file = open(words[1], O_RDWR | O_CREAT, 0600);
  if (file < 0 || ftruncate(file, sizeof *board)) return 1;
  board = mmap(0, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (board == MAP_FAILED) return 1;
  int threads = atoi(words[2]);
  is_sleeping = !strcmp(words[3], "sleep");
  // However many there are, some thread is due soon after any pause begins, and the processors are idle for the most part.
  sleep_nanoseconds = 100000l * (threads < 4 ? 1 : threads / 4);
  board->value = answer(3);
  for (int index = 1; index < threads; index++) {
    pthread_t thread;
    if (pthread_create(&thread, 0, watch, 0)) return 1;
  }
  puts("ready");
  fflush(stdout);
  watch(0);
}
