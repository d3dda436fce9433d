//# about: a variable that grew
//# refuse: variableSizeChanged list 16 32
#include <stdio.h>
int list[EDIT ? 8 : 4] = {1};
int main(void) { return printf("%d\n", list[0]) < 0; }
