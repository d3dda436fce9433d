// Exceptions through functions that edits change: thrown, cleaned up after, caught, of types old and new.

struct Failure {
  int code;
};
struct Refusal : Failure {
  explicit Refusal(int code) : Failure{code} {}
};

static int cleaned;

struct Cleaner {
  int weight;
  ~Cleaner() { cleaned += weight; }
};

extern "C" __attribute__((noinline)) int thrower(int number) {
  switch (number % 4) {
    case 0: throw Failure{number + (EDIT >= 1) * 5};
    case 1: throw Refusal(number * 3);
    case 2: throw number;
    default: return number * 2 + (EDIT >= 2) * 9;
  }
}

// Frames that keep registers for themselves, an amount of them that changes.
extern "C" __attribute__((noinline)) int keeping(int number, int a, int b, int c, int d) {
  int first = thrower(number + a), second = thrower(3 + 4 * b);
#if EDIT >= 3
  int third = thrower(7 + 4 * c), fourth = thrower(11 + 4 * d);
  return first + second * a + third * b + fourth * c + thrower(3) * d + a * b * c * d;
#else
  return first + second * a + b * c - d;
#endif
}

extern "C" __attribute__((noinline)) int cleaning(int number) {
  Cleaner cleaner{EDIT >= 4 ? 100 : 10};
  int value = keeping(number, 4, number, 2, 1);
#if EDIT >= 5
  Cleaner other{1000};
  return value + keeping(number + 8, 4, 1, number, 2);
#else
  return value;
#endif
}

#if EDIT >= 6
// A function that was not there, and catches.
extern "C" __attribute__((noinline)) int guarded(int number) {
  try {
    return cleaning(number);
  } catch (const Refusal &refusal) {
    return 70000 + refusal.code;
  }
}
#else
#define guarded cleaning
#endif

extern "C" int result(int number) {
  cleaned = 0;
  try {
    return guarded(number) + cleaned;
  } catch (const Failure &failure) {
    return 20000 + failure.code + cleaned;
#if EDIT >= 7
  } catch (int code) {
    return 50000 + code + cleaned;
#endif
  } catch (...) {
    return 40000 + cleaned;
  }
}

#ifdef PRINTS
extern "C" int printf(const char *, ...);

int main() {
  for (int number = 0; number < 24; ++number) printf("%d\n", result(number));
}
#else
int main() { return result(3); }
#endif
