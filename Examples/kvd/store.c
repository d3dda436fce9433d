#define _GNU_SOURCE
#include "kvd.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 256 };

struct entry {
  struct entry *next;
  char *key, *value;
  unsigned reads;
};

static struct entry *buckets[BUCKETS];
static int count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned bucket_of(const char *key) {
  unsigned hash = 2166136261u;
  for (; *key; key++) hash = (hash ^ (unsigned char)*key) * 16777619u;
  return hash % BUCKETS;
}

/* The link that leads to the key's entry, or to NULL where it belongs. The lock is held. */
__attribute__((noinline)) static struct entry **find(const char *key) {
  struct entry **link = &buckets[bucket_of(key)];
  while (*link && strcmp((*link)->key, key) != 0) link = &(*link)->next;
  return link;
}

static void put(const char *key, const char *value) {
  struct entry **link = find(key);
  if (!*link) {
    *link = calloc(1, sizeof **link);
    if (!*link) abort();
    (*link)->key = strdup(key);
    count++;
  }
  free((*link)->value);
  (*link)->value = strdup(value);
}

void store_set(const char *key, const char *value) {
  pthread_mutex_lock(&lock);
  put(key, value);
  pthread_mutex_unlock(&lock);
}

void store_get(const char *key, char *reply) {
  pthread_mutex_lock(&lock);
  struct entry *entry = *find(key);
  if (entry) entry->reads++;
  snprintf(reply, REPLY_SIZE, "%s", entry ? entry->value : "no such key");
  pthread_mutex_unlock(&lock);
}

int store_delete(const char *key) {
  pthread_mutex_lock(&lock);
  struct entry **link = find(key), *entry = *link;
  if (entry) {
    *link = entry->next;
    free(entry->key);
    free(entry->value);
    free(entry);
    count--;
  }
  pthread_mutex_unlock(&lock);
  return entry != NULL;
}

long store_add(const char *key, long step) {
  char text[32];
  pthread_mutex_lock(&lock);
  struct entry *entry = *find(key);
  long sum = (entry ? atol(entry->value) : 0) + step;
  snprintf(text, sizeof text, "%ld", sum);
  put(key, text);
  pthread_mutex_unlock(&lock);
  return sum;
}

int store_count(void) {
  pthread_mutex_lock(&lock);
  int result = count;
  pthread_mutex_unlock(&lock);
  return result;
}
