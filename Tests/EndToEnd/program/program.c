/* Obeys one word a line on standard input. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int answer(void);

static int asked;

int main(int argc, char **argv) {
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    if (strncmp(line, "ask", 3) == 0) printf("%d %d\n", ++asked, answer());
    if (strncmp(line, "exit ", 5) == 0) exit(atoi(line + 5));
    if (strncmp(line, "die ", 4) == 0) raise(atoi(line + 4));
    if (strncmp(line, "address", 7) == 0) printf("%p\n", (void *)answer);
    if (strncmp(line, "arguments", 9) == 0)
      for (int i = 1; i < argc; i++) printf("[%s]\n", argv[i]);
    if (strncmp(line, "warn", 4) == 0) fprintf(stderr, "warned\n");
    fflush(stdout);
  }
  return 0;
}
