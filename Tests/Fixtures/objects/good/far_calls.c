//# about: an arena that branches of the image do not reach, and calls back into the image by way of veneers
//# edits: 2
//# build: arm64-clang | -O2 -fPIE -ffunction-sections -fdata-sections | -pie
//# matrix: none
//# output 0: 10 12 0
//# output 1: 14 12 1
//# output 2: 17 12 1
//# has 1: moved work
#include <stdio.h>
// With the room in front of the arena, more than the 128 MiB that a branch of arm64 reaches.
char room[72 << 20];
__attribute__((noinline)) int base(int x) {
  room[x] = x;
  return x + room[x];
}
int (*volatile pointer)(int) = base;
__attribute__((noinline)) int work(int x) {
#if EDIT >= 1
  int sum = base(x) + base(2) + room[99];
  if (EDIT >= 2) sum += base(1) + 1;
  return sum;
#else
  // More than a tail call, which would be too short for a stub that reaches the arena.
  return base(x) + room[99];
#endif
}
int main(void) {
  int first = work(5), second = pointer(6);
  printf("%d %d %d\n", first, second, room[2] != 0);
  return 0;
}
