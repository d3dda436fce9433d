// The function that changes under the victim: compiled once for each version.
#ifndef VERSION
#define VERSION 0
#endif
static const char letters[] = "measured";

long answer(long value) {
  for (unsigned long index = 0; index < sizeof letters; index++) value = value * 31 + letters[index] + VERSION;
  return value * 100 + VERSION;
}
