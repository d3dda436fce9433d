//# about: exceptions are thrown from new bodies, through them and into their handlers
//# edits: 4
//# build: gcc clang | -O2 -ffunction-sections | -pie
//# matrix: none
//# output 0: 0: 0
//# output 0: 1: 42
//# output 0: 2: passed on
//# output 0: 3: passed on
//# output 0: char 1, short 2, live 0
//# output 1: raising 0 at edit 1
//# output 1: 0: 0
//# output 1: raising 1 at edit 1
//# output 1: 1: 42
//# output 1: raising 2 at edit 1
//# output 1: 2: passed on
//# output 1: raising 3 at edit 1
//# output 1: 3: passed on
//# output 1: char 1, short 2, live 0
//# output 2: passing 0, 2 live
//# output 2: raising 0 at edit 1
//# output 2: 0: 0
//# output 2: passing 1, 2 live
//# output 2: raising 1 at edit 1
//# output 2: 1: 42
//# output 2: passing 2, 2 live
//# output 2: raising 2 at edit 1
//# output 2: 2: passed on
//# output 2: passing 3, 2 live
//# output 2: raising 3 at edit 1
//# output 2: 3: passed on
//# output 2: char 1, short 2, live 0
//# output 3: passing 0, 2 live
//# output 3: raising 0 at edit 1
//# output 3: 0: 0
//# output 3: passing 1, 2 live
//# output 3: raising 1 at edit 1
//# output 3: 1: passed on
//# output 3: passing 2, 2 live
//# output 3: raising 2 at edit 1
//# output 3: 2: 242
//# output 3: passing 3, 2 live
//# output 3: raising 3 at edit 1
//# output 3: caught three
//# output 3: 3: passed on
//# output 3: char 1, short 2, live 0
//# output 4: passing 0, 2 live
//# output 4: raising 0 at edit 1
//# output 4: 0: 0
//# output 4: passing 1, 2 live
//# output 4: raising 1 at edit 1
//# output 4: 1: passed on
//# output 4: passing 2, 2 live
//# output 4: raising 2 at edit 1
//# output 4: 2: 242
//# output 4: passing 3, 2 live
//# output 4: raising 3 at edit 1
//# output 4: caught three
//# output 4: 3: passed on
//# output 4: char 2, short 1, live 0
#include <cstdio>
#include <stdexcept>

static int live;

struct Guard {
  Guard() { live++; }
  ~Guard() { live--; }
};

__attribute__((noinline)) void raise(int number) {
#if EDIT >= 1
  std::printf("raising %d at edit 1\n", number);
#endif
  if (number == 1) throw 42;
  if (number == 2) throw 4242L;
  if (number == 3) throw std::runtime_error("three");
}

__attribute__((noinline)) void pass(int number) {
  Guard guard;
#if EDIT >= 2
  Guard another;
  std::printf("passing %d, %d live\n", number, live);
#endif
  raise(number);
}

__attribute__((noinline)) int take(int number) {
  try {
    pass(number);
#if EDIT >= 3
  } catch (long value) {
    return (int)value % 1000;
  } catch (const std::exception &error) {
    std::printf("caught %s\n", error.what());
    throw;
#else
  } catch (int value) {
    return value;
#endif
  }
  return 0;
}

// At edit 4 the handler is for another type: its code is the same.
#if EDIT >= 4
typedef short Handled;
#else
typedef char Handled;
#endif

__attribute__((noinline)) int handle(void (*body)()) {
  try {
    body();
  } catch (Handled) {
    return 1;
  } catch (...) {
    return 2;
  }
  return 0;
}

static void throwChar() { throw 'x'; }
static void throwShort() { throw (short)7; }

int main() {
  for (int number = 0; number < 4; number++) {
    try {
      std::printf("%d: %d\n", number, take(number));
    } catch (...) {
      std::printf("%d: passed on\n", number);
    }
  }
  std::printf("char %d, short %d, live %d\n", handle(throwChar), handle(throwShort), live);
  return 0;
}
