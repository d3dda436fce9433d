/* What is edited: compiled with -DEDIT=N for the N-th state of the source. */
#ifndef EDIT
#define EDIT 0
#endif

#if EDIT == 9
/* Refused: its size changes. */
long base[4] = {0};
#else
long base[2] = {0};
#endif

#if EDIT >= 2
static int step = 7;
int added(void) { return step++ + (int)base[1]; }
#endif

int answer(void) {
#if EDIT >= 2
  return 1000 * EDIT + added();
#else
  return 1000 * EDIT + (int)base[0];
#endif
}
