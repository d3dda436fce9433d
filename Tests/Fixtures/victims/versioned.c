// A library with two versions of a symbol, an IFUNC, a thread-local variable and plain data.
__thread int library_local = 5;
int library_data = 7;
int library_table[4] = {1, 2, 3, 4};

__asm__(".symver shared_old, shared@VICTIM_1");
__asm__(".symver shared_new, shared@@VICTIM_2");
int shared_old(void) { return 1; }
int shared_new(void) { return 2; }

static int chosen_plain(void) { return 11; }
static int (*choose(void))(void) { return chosen_plain; }
int chosen(void) __attribute__((ifunc("choose")));
