#define _GNU_SOURCE
#include "kvd.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUEUE_SIZE = 64 };

static int queue[QUEUE_SIZE];
static unsigned queue_head, queue_tail;
static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_filled = PTHREAD_COND_INITIALIZER;
static pthread_cond_t queue_emptied = PTHREAD_COND_INITIALIZER;

void workers_hand(int connection) {
  pthread_mutex_lock(&queue_lock);
  while (queue_tail - queue_head == QUEUE_SIZE) pthread_cond_wait(&queue_emptied, &queue_lock);
  queue[queue_tail++ % QUEUE_SIZE] = connection;
  pthread_cond_signal(&queue_filled);
  pthread_mutex_unlock(&queue_lock);
}

static int next_connection(void) {
  pthread_mutex_lock(&queue_lock);
  while (queue_tail == queue_head) pthread_cond_wait(&queue_filled, &queue_lock);
  int connection = queue[queue_head++ % QUEUE_SIZE];
  pthread_cond_signal(&queue_emptied);
  pthread_mutex_unlock(&queue_lock);
  return connection;
}

static void serve(int connection) {
  FILE *stream = fdopen(connection, "r");
  if (!stream) {
    close(connection);
    return;
  }
  char line[REPLY_SIZE], reply[REPLY_SIZE + 1];
  while (fgets(line, sizeof line, stream)) {
    line[strcspn(line, "\r\n")] = 0;
    command_execute(line, reply);
    strcat(reply, "\n");
    if (send(connection, reply, strlen(reply), MSG_NOSIGNAL) < 0) break;
  }
  fclose(stream);
}

static void *work(void *unused) {
  (void)unused;
  for (;;) serve(next_connection());
  return NULL;
}

void workers_start(int count) {
  for (int i = 0; i < count; i++) {
    pthread_t thread;
    char name[32];
    if (pthread_create(&thread, NULL, work, NULL) != 0) exit(1);
    snprintf(name, sizeof name, "worker-%d", i);
    pthread_setname_np(thread, name);
  }
}
