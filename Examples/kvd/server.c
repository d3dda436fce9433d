#include "kvd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* On a port of the system's choice, which is told on standard output. */
int server_listen(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 64) != 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) != 0)
    return -1;
  printf("port %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

static void greet(int connection, const char *text) {
  if (write(connection, text, strlen(text)) < 0) perror("kvd: greet");
}

void server_accept_loop(int listener) {
  for (;;) {
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) continue;
    stats_connection();
    greet(connection, "kvd ready\n");
    workers_hand(connection);
  }
}
