//# about: string literals, new, old, merged tails and wide ones
//# edits: 2
//# output 0: hello world | lo world | wide
//# output 1: hello there | lo world | wide
//# output 2: hello there | a tail lo world | wider
#include <stdio.h>
#include <wchar.h>
__attribute__((noinline)) static const char *greet(void) { return EDIT >= 1 ? "hello there" : "hello world"; }
__attribute__((noinline)) static const char *tail(void) { return EDIT >= 2 ? "a tail lo world" : "lo world"; }
__attribute__((noinline)) static const wchar_t *wide(void) { return EDIT >= 2 ? L"wider" : L"wide"; }
int main(void) {
  printf("%s | %s | %ls\n", greet(), tail(), wide());
  return 0;
}
