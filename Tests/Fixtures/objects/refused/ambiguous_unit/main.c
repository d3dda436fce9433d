//# about: an object that fits two units of one name equally well
//# give 1: left/unit.c
//# refuse: ambiguousLocal unit.c
#include <stdio.h>
extern int (*left)(void), (*right)(void);
int main(void) { return printf("%d %d\n", left(), right()) < 0; }
