//# about: code that reaches variables by their distance, where one stands elsewhere
//# build: arm64-gcc | -O2 -ffunction-sections -fPIE | -pie
//# refuse: sectionAnchors inserted
int first = 1;
#if EDIT >= 1
int inserted = 5;
#else
#define inserted 0
#endif
int second = 2;
__attribute__((noinline)) int work(void) { return first++ + inserted + second++; }
int main(void) { return work() == 0; }
