// Tells how it was started, then ends as it is told: `exit N`, `signal N`, `wait`.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int constructed;
int patched = 1;

__attribute__((constructor)) static void construct(void) { constructed = patched; }

static void quit(int signal) { _exit(40 + signal); }

int main(int count, char **arguments) {
  FILE *out = fopen(getenv("VICTIM_OUTPUT"), "w");
  fprintf(out, "arguments %d\nfirst %s\nconstructed %d\nmain %p\n", count, arguments[0], constructed, (void *)main);
  fclose(out);
  if (count < 3) return 0;
  int number = atoi(arguments[2]);
  if (!strcmp(arguments[1], "exit")) return number;
  if (!strcmp(arguments[1], "signal")) return raise(number);
  signal(number, quit);
  out = fopen(getenv("VICTIM_OUTPUT"), "a");
  fprintf(out, "waiting\n");
  fclose(out);
  for (;;) pause();
}
