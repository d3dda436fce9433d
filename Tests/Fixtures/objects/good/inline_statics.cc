//# about: static locals of inline functions are the whole program's (STB_GNU_UNIQUE by GCC, weak by clang) and stay where they are
//# build: gcc clang | -O1 -g -ffunction-sections -fPIE | -pie -rdynamic
//# edits: 2
//# atoms 1: moved _ZN7counter4nextEi
//# atoms 2: moved _ZN7counter4nextEi
//# output 0: made once
//# output 0: 1 2 3
//# output 1: made once
//# output 1: 101 102 103
//# output 2: made once
//# output 2: 1001 1002 1003
#include <cstdio>

#ifndef EDIT
#define EDIT 0
#endif

struct tally {
  int count;
  tally() : count(0) { std::puts("made once"); }
};

struct counter {
  virtual ~counter() {}
  __attribute__((noinline)) virtual int next(int step) {
    static tally told;
    static int last = 0;
    told.count += step;
    last = told.count;
#if EDIT == 1
    return last + 100;
#elif EDIT == 2
    return last + 1000;
#else
    return last;
#endif
  }
};

int main() {
  counter own;
  counter *volatile any = &own;
  std::printf("%d", any->next(1));
  std::printf(" %d", any->next(1));
  std::printf(" %d\n", any->next(1));
}
