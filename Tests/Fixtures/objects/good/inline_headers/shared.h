static inline __attribute__((noinline)) int next(void) { static int n = 5; return n += 1 + (EDIT >= 2); }
static inline int plain(int x) { static const char *const words[] = {"a", "bc", "def"}; int s = 0; for (const char *p = words[x % 3]; *p; p++) s += *p; return s; }
extern inline __attribute__((gnu_inline, always_inline)) int forced(int x) { return x * 3 + EDIT; }
