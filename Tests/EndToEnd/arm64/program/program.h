/* A small machine for words, in several files, of which EDIT (0 is the base) tells the states apart. It calls nothing
   of a library but in main.c, so that its functions run in an emulator without one. */
#ifndef EDIT
#define EDIT 0
#endif

typedef unsigned long long word;
typedef word operation(word left, word right);

struct rule {
#ifdef OTHER_TYPE
  const signed char *name;
#else
  const char *name;
#endif
  operation *apply;
  const word *table;
};

extern const struct rule rules[];
extern const int rule_count;
extern word history[8];
extern operation *chosen;

word length(const char *text);
word hash(const char *text);
word step(word at);
word shape(word kind, word size);
word remember(word value);
word tiny(void);
word tinier(void);
operation add, mix, twist;

/* What the program is at a step: everything that the other functions do comes to bear on it. */
word result(word at);
