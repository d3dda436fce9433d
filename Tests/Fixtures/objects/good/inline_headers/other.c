#include "shared.h"
int other_next(void) { return next() * 10; }
int in_other(int x) { return plain(x) + (EDIT >= 1 ? 1000 : 0); }
