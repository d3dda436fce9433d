int other_counter = 21;
int other_table[8] = {1, 2, 3, 4, 5, 6, 7, 8};
const char *const other_names[] = {"first", "second", "third"};
__thread int other_thread = 17;
__thread int other_initial = 19;
static int touched;

int other_add(int a, int b) { return a + b; }
double other_scale(double x) { return x * 0.5; }
int other_touch(void) { return ++touched; }
