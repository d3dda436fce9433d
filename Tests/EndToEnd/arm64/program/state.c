#include "program.h"

word history[8] = {1, 2, 3};
static unsigned position;
#if EDIT >= 8
word seasons[4] = {10, 20, 30, 40};
static word turns;
#endif
#if EDIT >= 15
static operation *const others[] = {mix, add, twist};
#endif
static const char *const names[] = {"spring", "summer", EDIT >= 11 ? "fall" : "autumn", "winter"};

word remember(word value) {
  history[position++ % 8] ^= value;
#if EDIT >= 8
  seasons[turns++ % 4] += value;
  value ^= seasons[turns % 4];
#endif
#if EDIT >= 15
  value = others[value % 3](value, position);
#endif
  return value + length(names[value % 4]) + hash(names[position % 4]);
}

#if EDIT >= 17
__attribute__((noinline)) static word deep(word at) { return at < 2 ? at : deep(at - 1) + deep(at - 2) * 3; }
#endif

word step(word at) {
#if EDIT == 18
  return at;
#elif EDIT >= 17
  return deep(at % 12) + history[at % 8];
#else
  return at * 3 + history[at % 8];
#endif
}

word result(word at) {
  word value = step(at) + tinier();
  for (int i = 0; i < rule_count; i++) {
    const struct rule *rule = &rules[i];
    value = rule->apply(value, rule->table[(at + i) % 8] + length(rule->name));
    value ^= shape((at + i) % 11, value & 0xff);
  }
#if EDIT >= 19
  value += EDIT == 20 ? 0x1234567890abcdefull : 0xfedcba0987654321ull;
#endif
  return remember(value);
}
