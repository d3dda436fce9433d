int helper_value = 30;
int table[100] = {[5] = 40};
int unused(void) { return 1; }
int helped(int x) { return x + 20; }
static int implementation(int x) { return x + 30; }
static void *resolve(void) { return implementation; }
int chosen(int) __attribute__((ifunc("resolve")));
