/* What busy.c asks of work.c, the part that is edited. Each answer tells by its lowest byte which edit has made it. */
#pragma once

#include <signal.h>
#include <stdint.h>

/* A multiple of 256 that depends on both numbers. */
static inline uint64_t expected(uint64_t number, unsigned edit) {
  uint64_t mixed = (number + edit) * UINT64_C(0x9e3779b97f4a7c15);
  return (mixed ^ mixed >> 29) << 8;
}

uint64_t mix(uint64_t number);
uint64_t look_up(uint64_t number);
uint64_t descend(unsigned depth, uint64_t number);
void take_signal(int signal, siginfo_t *info, void *context);
int wait_a_while(int milliseconds);
const char *title(void);

/* In busy.c: what a signal handler has been told. */
void signal_taken(int signal, siginfo_t *info);
