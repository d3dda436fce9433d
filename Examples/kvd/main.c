#include "kvd.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  int listener = server_listen();
  if (listener < 0) {
    perror("kvd: listen");
    return 1;
  }
  workers_start(argc > 1 ? atoi(argv[1]) : 4);
  server_accept_loop(listener);
  return 0;
}
