struct state { long a; double d; };
__attribute__((noinline)) static int sum(struct state *s) { return (int)(s->a + s->d) + (EDIT >= 2 ? 10 : 0); }
int other(void) {
  struct state s = {3, 5};
  return sum(&s);
}
