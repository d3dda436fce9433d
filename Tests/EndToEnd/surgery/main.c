/* Answers each line of its input with what all parts come to; `fail` makes it end. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern int level;
extern const int table[4];
extern int (*chosen)(int);
int one(int), two(int), three(int), four(int);
const char *word(int);

int main(void) {
  char line[64];
  int (*volatile kept)(int) = one;
  setvbuf(stdout, 0, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin)) {
    printf("%d %d %d %d level %d table %d chosen %d %s\n", kept(1), two(1), three(5), four(1), level, table[2], chosen(3), word(1));
  }
  return 0;
}
