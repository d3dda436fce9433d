// Where the dynamic loader itself finds symbols, by dlvsym and by address.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

extern int chosen(void);
extern int shared(void);
extern int library_data;

static void tell(const char *name, const char *version) {
  void *found = version ? dlvsym(RTLD_DEFAULT, name, version) : dlsym(RTLD_DEFAULT, name);
  printf("%s%s%s %p\n", name, version ? "@" : "", version ? version : "", found);
}

int main(void) {
  victim_begin();
  tell("chosen", 0);
  tell("chosen", "VICTIM_1");
  tell("shared", "VICTIM_1");
  tell("shared", "VICTIM_2");
  tell("shared", 0);
  tell("library_table", "VICTIM_1");
  tell("memcpy", "GLIBC_2.14");
  tell("memcpy", "GLIBC_2.2.5");
  tell("strlen", "GLIBC_2.2.5");
  tell("puts", "GLIBC_2.2.5");
  tell("malloc", "GLIBC_2.2.5");
  tell("pthread_cond_wait", "GLIBC_2.3.2");
  tell("environ", 0);
  // A copy of the library's variable is in this program: it is the one that counts.
  printf("library_data %p\n", (void *)&library_data);
  // The address of a function, taken in code that is not position-independent, is its PLT entry.
  printf("pointer %p\nready\n", (void *)shared);
  fflush(stdout);
  (void)chosen();
  for (;;) pause();
}
