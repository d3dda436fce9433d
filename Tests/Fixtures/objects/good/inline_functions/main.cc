//# about: inline functions of C++, which are in every object and once in the image
//# edits: 2
//# output 0: 3 12 7
//# output 1: 4 12 8
//# output 2: 4 22 8
#include <cstdio>
template <typename T> __attribute__((noinline)) T add(T a, T b) { return a + b + (EDIT >= 1); }
struct counter {
  int value = 5;
  __attribute__((noinline)) int next() { return value += 2 + (EDIT >= 1); }
};
int other();
namespace {
__attribute__((noinline)) int local(int x) { return x + 1 + (EDIT >= 2 ? 10 : 0); }
}
__attribute__((noinline)) static int call_other() { return other() + local(0); }
int main() {
  counter c;
  std::printf("%d %d %d\n", add(1, 2), call_other(), c.next());
}
