//# about: a function that nothing loaded defines
//# build: gcc clang | -O2 -ffunction-sections | -pie
//# build: gcc clang | -O2 -ffunction-sections -fPIC -fno-plt | -no-pie
//# refuse: undefinedSymbol defined_nowhere library
#include <stdio.h>
int defined_nowhere(int);
int main(int count, char **arguments) {
  if (count > 100) puts(arguments[0]);
#if EDIT
  return defined_nowhere(count);
#else
  return 0;
#endif
}
