//# about: what the object defines no more is told once, and may come back
//# edits: 4
//# build: gcc clang | -O0 -ffunction-sections | -pie
//# build: gcc clang | -O0 | -pie -fuse-ld=lld
//# output 0: 41
//# output 1: 1
//# output 2: 2
//# output 3: 44
//# output 4: 4
//# has 1: removed helper; removed value
//# has 4: removed helper; removed value
#include <stdio.h>
#if EDIT == 0 || EDIT == 3
static int value = 40;
static int helper(int x) { return value + x; }
static int work(void) { return helper(EDIT + (EDIT == 0)) + (EDIT == 3); }
#else
static int work(void) { return EDIT; }
#endif
int main(void) { printf("%d\n", work()); return 0; }
