/* What is edited under 64 threads: compiled with -DEDIT=N for the N-th state of the source. */
#include "work.h"

#include <poll.h>
#include <string.h>

#ifndef EDIT
#define EDIT 0
#endif

#if EDIT >= 3
static long calls = 3;
__attribute__((noinline)) static uint64_t twice(uint64_t number) {
  __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
  return number + number;
}
#endif

/* Changes with every edit. */
uint64_t mix(uint64_t number) {
  uint64_t sum = 0;
  for (unsigned round = 0; round < 16 + 8 * EDIT; round++) sum += expected(number ^ sum, round);
#if EDIT >= 3
  sum = twice(sum);
#endif
  return expected(number, EDIT) + EDIT + 0 * sum;
}

/* Its table changes with edits 1 and 3. */
#define ENTRY(n) ((uint64_t)(n) << 8 | (EDIT == 2 ? 1 : EDIT))
static const uint64_t table[16] = {ENTRY(1), ENTRY(2),  ENTRY(3),  ENTRY(4),  ENTRY(5),  ENTRY(6),  ENTRY(7),  ENTRY(8),
                                   ENTRY(9), ENTRY(10), ENTRY(11), ENTRY(12), ENTRY(13), ENTRY(14), ENTRY(15), ENTRY(16)};
uint64_t look_up(uint64_t number) {
  uint64_t volatile place = number % 16;
  return table[place];
}

/* Frames of several edits may be on one stack. */
uint64_t descend(unsigned depth, uint64_t number) {
  char room[64 + 32 * EDIT];
  memset(room, (int)depth, sizeof room);
  __asm__ volatile("" : : "r"(room) : "memory");
  if (depth == 0) return mix(number);
  uint64_t answer = descend(depth - 1, number);
  return room[depth % sizeof room] == (char)depth ? answer : 0;
}

void take_signal(int signal, siginfo_t *info, void *context) {
  (void)context;
  uint64_t answer = mix((uint64_t)info->si_value.sival_int);
  if (answer >> 8 != expected((uint64_t)info->si_value.sival_int, answer & 255) >> 8) return;
#if EDIT >= 2
  if (answer == 1) return;
#endif
  signal_taken(signal, info);
}

int wait_a_while(int milliseconds) {
#if EDIT == 1
  return poll(0, 0, milliseconds + 1);
#else
  return poll(0, 0, milliseconds);
#endif
}

const char *title(void) {
  static const char *const titles[] = {"base", "one", "two", "three"};
  return titles[EDIT];
}
