#include "kvd.h"

#include <stdatomic.h>
#include <stdio.h>

static atomic_ulong connections, commands;

void stats_connection(void) { atomic_fetch_add(&connections, 1); }

void stats_command(const char *line) {
  if (*line) atomic_fetch_add(&commands, 1);
}

void stats_reply(char *reply) {
  snprintf(reply, REPLY_SIZE, "%d keys, %lu connections, %lu commands", store_count(),
           atomic_load(&connections), atomic_load(&commands));
}
