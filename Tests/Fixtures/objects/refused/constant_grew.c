//# about: a global constant that outgrew its room
//# refuse: constantGrew names
#include <stdio.h>
const int names[] = {1, 2,
#if EDIT
  3, 4, 5, 6,
#endif
};
__attribute__((noinline)) static int at(int volatile i) { return names[i]; }
int main(void) { return printf("%d\n", at(1)) < 0; }
