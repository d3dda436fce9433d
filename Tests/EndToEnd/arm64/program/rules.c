#include "program.h"

static const word primes[] = {2, 3, 5, 7, 11, 13, EDIT >= 4 ? 19 : 17, 23};
#if EDIT >= 9
static const word squares[] = {1, 4, 9, 16, 25, 36, 49, 64};
#else
#define squares primes
#endif

word add(word left, word right) { return left + right + (EDIT >= 1); }

__attribute__((noinline)) static word turn(word value, word by) {
#if EDIT >= 7
  for (word i = 0; i < by % 5; i++) value ^= value >> 3;
#endif
  return value << (by & 7) | value >> (64 - (by & 7) - (by % 8 == 0));
}

word mix(word left, word right) { return turn(left * 31, right) ^ right; }

word twist(word left, word right) {
  static word count;
  count += EDIT >= 12 ? 3 : 1;
#if EDIT >= 13
  if (right & 1) return turn(mix(right, left), count);
#endif
  return mix(left, right + count);
}

#if EDIT >= 10
static word fold(word left, word right) { return (left >> 32) ^ left ^ add(right, 77); }
#endif

const struct rule rules[] = {
    {"add", add, primes},
    {EDIT >= 6 ? "mingle" : "mix", mix, squares},
    {"twist", twist, primes},
    {"last", EDIT >= 10 ?
#if EDIT >= 10
      fold
#else
      0
#endif
      : add, squares},
};
const int rule_count = sizeof rules / sizeof rules[0];
operation *chosen = mix;
