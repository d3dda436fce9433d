//# about: a variable that became read-only
//# refuse: variableKindChanged value
#include <stdio.h>
#if EDIT
const int value = 3;
#else
int value = 2;
#endif
const int *volatile pointer = &value;
int main(void) { return printf("%d\n", *pointer) < 0; }
