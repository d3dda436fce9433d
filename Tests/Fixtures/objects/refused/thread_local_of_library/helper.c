__thread int shared = 1;
int helped(void) { return shared; }
