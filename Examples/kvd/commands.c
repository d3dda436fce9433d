#include "kvd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void command_set(char *arguments, char *reply) {
  char *value = strchr(arguments, ' ');
  if (!value) {
    strcpy(reply, "set wants a key and a value");
    return;
  }
  *value++ = 0;
  store_set(arguments, value);
  strcpy(reply, "stored");
}

static void command_get(char *arguments, char *reply) { store_get(arguments, reply); }

static void command_delete(char *arguments, char *reply) {
  strcpy(reply, store_delete(arguments) ? "deleted" : "no such key");
}

static void command_add(char *arguments, char *reply) {
  snprintf(reply, REPLY_SIZE, "%ld", store_add(arguments, 1));
}

static void command_stats(char *arguments, char *reply) {
  (void)arguments;
  stats_reply(reply);
}

/* Not constant: the addresses stand in data, and are called from there. */
static struct {
  const char *name;
  void (*execute)(char *arguments, char *reply);
} commands[] = {
    {"set", command_set}, {"get", command_get},     {"delete", command_delete},
    {"add", command_add}, {"stats", command_stats},
};

void command_execute(char *line, char *reply) {
  stats_command(line);
  char *arguments = line + strcspn(line, " ");
  if (*arguments) *arguments++ = 0;
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (strcmp(line, commands[i].name) == 0) {
      commands[i].execute(arguments, reply);
      return;
    }
  strcpy(reply, "no such command");
}
