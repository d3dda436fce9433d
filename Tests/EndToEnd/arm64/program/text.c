#include "program.h"

word length(const char *text) {
  word count = 0;
  while (text[count]) count++;
  return count;
}

word hash(const char *text) {
  word value = EDIT >= 2 ? 1469598103934665603ull : 5381;
  for (; *text; text++) value = (value ^ (unsigned char)*text) * 1099511628211ull;
#if EDIT >= 14
  value += length(text - 1);
#endif
  return value;
}
