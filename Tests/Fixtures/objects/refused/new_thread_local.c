//# about: a thread-local variable that the image does not have
//# refuse: newThreadLocal fresh
#include <stdio.h>
#if EDIT
__thread int fresh = 1;
#else
int fresh = 1;
#endif
int main(void) { return printf("%d\n", fresh) < 0; }
