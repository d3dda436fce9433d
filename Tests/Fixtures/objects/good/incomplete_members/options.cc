#include "options.h"

options::options(int level) : level(level * 10) {}
