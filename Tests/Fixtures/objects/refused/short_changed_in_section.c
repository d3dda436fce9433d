//# about: a function too short for a jump that changes itself, in a section that is one atom
//# build: gcc | -Os | -pie
//# matrix: none
//# refuse: tooShortForEntryStub zero bytes
#include <stdio.h>
__attribute__((noinline)) int zero(int x) { __asm__(""); return EDIT ? 1 : 0; }
__attribute__((noinline)) int same(int x) { __asm__(""); return x; }
int main(void) { return printf("%d %d\n", zero(1), same(2)) < 0; }
