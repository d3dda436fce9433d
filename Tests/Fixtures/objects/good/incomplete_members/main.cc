//# about: whether debug information writes a member's class out hangs on what else its unit does (clang: where a constructor is)
//# build: clang gcc | -O0 -g | -pie
//# edits: 1
//# has 1: moved _Z4tellv
//# output 0: 10, 2, 0
//# output 1: 10, 2, 4
#include <cstdio>

#include "options.h"

#ifndef EDIT
#define EDIT 0
#endif

config kept(1);

int tell() {
#if EDIT == 1
  options other('e');
  return other.level;
#else
  return 0;
#endif
}

int main() { std::printf("%d, %d, %d\n", kept.inside.level, kept.last, tell()); }
