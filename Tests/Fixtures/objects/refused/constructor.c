//# about: a function that runs before main is added
//# refuse: constructorChanged setup
#include <stdio.h>
static int value = 1;
#if EDIT
__attribute__((constructor)) static void setup(void) { value = 2; puts("early"); }
#endif
int main(void) { return printf("%d\n", value) < 0; }
