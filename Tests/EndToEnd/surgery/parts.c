/* What is edited: each -DE1 … -DE7 is an edit by itself, so that the source without one of them can be built; E8 … E13 follow
   one another, and the first seven. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef E13
int level = 7;
#elif defined E5
int level = 6;
#else
int level = 5;
#endif

#ifdef E9
/* The prototype has changed. */
static int uses = 3;
__attribute__((noinline)) static int scaled(int number, int factor) {
  uses++;
  return number * factor + (getenv("HCSJ_NOT_SET") ? 1 : 0) + (uses > 0);
}
#elif defined E8
/* A new function, a new variable and a first use of a function of the library. */
static int uses = 3;
__attribute__((noinline)) static int scaled(int number) {
  uses++;
  return number * 2 + (getenv("HCSJ_NOT_SET") ? 1 : 0) + (uses > 0);
}
#endif

__attribute__((noinline)) int one(int number) {
#ifdef E12
  return scaled(number, 5) + scaled(number + 1, 2) + 12;
#elif defined E9
  return scaled(number, 3) + 11;
#elif defined E8
  return scaled(number) + 11;
#elif defined E1
  return number + 11;
#else
  return number + 10;
#endif
}

#ifdef E2
/* A new function, a new variable and functions of the library that nothing has called so far. */
static int calls = 100;
__attribute__((noinline)) int extra(int number) {
  static char text[32];
  snprintf(text, sizeof text, "%d", number + 5);
  calls++;
  return (int)strtoul(text, 0, 10) + 2 * (calls > 0);
}
#endif

__attribute__((noinline)) int two(int number) {
#ifdef E2
  return extra(number) + 13;
#else
  return number + 20;
#endif
}

__attribute__((noinline)) int three(int number) {
#ifdef E4
  return number * 4;
#elif defined E3
  return number * 3 + 1;
#else
  return number * 2;
#endif
}

#ifdef E11
const int table[4] = {1, 2, 3333, 4};
int (*chosen)(int) = two;
#elif defined E5
const int table[4] = {1, 2, 33, 4};
int (*chosen)(int) = two;
#else
const int table[4] = {1, 2, 3, 4};
int (*chosen)(int) = one;
#endif

__attribute__((noinline)) const char *word(int number) {
  switch (number & 3) {
  case 0: return "zero";
#ifdef E6
  case 1: return "a new word, and a longer one";
#else
  case 1: return "one";
#endif
  case 2: return "two";
  default: return "many";
  }
}

__attribute__((noinline)) int four(int number) {
#ifdef E10
  /* Grown well beyond what it was. */
  int sum = extra(number) + 40;
  for (int index = 0; index < number + 3; index++) sum += extra(index) * (index & 1 ? 3 : 5) - (sum >> 4);
  return sum ^ (number << 2);
#elif defined E7
  /* Refers to what edit 2 brought. */
  return extra(number) + 40;
#else
  return (number ^ 3) * 7 + 40;
#endif
}
