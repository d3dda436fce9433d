#include "program.h"

/* Becomes a jump table. */
word shape(word kind, word size) {
  switch (kind) {
    case 0: return size * size;
    case 1: return add(size, 5);
    case 2: return remember(size) + 9;
    case 3: return hash("three") ^ size;
    case 4: return mix(size, 4);
    case 5: return tiny() + size;
    case 6: return chosen(size, kind);
#if EDIT >= 5
    case 7: return size * 1234567;
    case 8: return length("eight") << size % 7;
    case 9: return remember(size * 9);
#endif
    default: return size + EDIT / 3;
  }
}

#if EDIT >= 3
word tiny(void) { return 41 + EDIT * 2 + length("not so tiny any more"); }
#else
word tiny(void) { return 40; }
#endif

word tinier(void) { return EDIT >= 16 ? step(3) & 0xff : 7; }
