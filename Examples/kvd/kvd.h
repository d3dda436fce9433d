/* kvd: a small key-value server. One line a command, one line an answer; nothing is kept on disk. */
#pragma once

#include <stddef.h>

enum { REPLY_SIZE = 512 };

/* server.c: accepts connections and hands them to the workers, for ever. */
int server_listen(void);
void server_accept_loop(int listener);

/* workers.c: threads that each serve one connection at a time. */
void workers_start(int count);
void workers_hand(int connection);

/* commands.c: carries out one line and writes the answer, without line end, to a buffer of REPLY_SIZE. */
void command_execute(char *line, char *reply);

/* store.c: keys and values, safe for use by several threads. */
void store_set(const char *key, const char *value);
void store_get(const char *key, char *reply);
int store_delete(const char *key);
long store_add(const char *key, long step);
int store_count(void);

/* stats.c: what has been going on. */
void stats_connection(void);
void stats_command(const char *line);
void stats_reply(char *reply);
