//# about: a variable of .bss that gets a first value
//# refuse: initialValueWithoutFileBytes value
#include <stdio.h>
#if EDIT
int value = 2;
#else
int value = 0;
#endif
int main(void) { return printf("%d\n", value) < 0; }
