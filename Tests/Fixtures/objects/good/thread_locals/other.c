__thread int shared = 20;
int next_shared(void) { return ++shared; }
