//# about: a switch that compilers turn into a table of values or of strings
//# output 0: red 4 yellow 9 blue 25 ? 0
//# output 1: red 4 green 9 blue 25 ? 0
#include <stdio.h>
__attribute__((noinline)) static const char *name(int x) {
  switch (x) {
  case 0: return "red";
  case 1: return EDIT ? "green" : "yellow";
  case 2: return "blue";
  case 3: return "?";
  default: return "none";
  }
}
__attribute__((noinline)) static int square(int x) {
  switch (x) {
  case 0: return 4;
  case 1: return 9;
  case 2: return 25;
  case 4: return 49;
  case 5: return 121;
  default: return 0;
  }
}
int main(void) {
  for (int i = 0; i < 4; i++) printf("%s %d%s", name(i), square(i), i == 3 ? "\n" : " ");
  return 0;
}
