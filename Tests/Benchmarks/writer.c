// The least that writes an update into a running process safely: what may be written beforehand, then every thread
// stopped, the rest written, every thread let go. Prints how long that took from the first thread's stop on, in
// nanoseconds. usage: writer PID fair|first < LINES     a line: `before` or `stopped`, address, bytes, in hexadecimal.
// `first`: ahead of every other thread of the machine while they are stopped.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { most_threads = 1024, most_writes = 256 };

struct write {
  unsigned long address;
  size_t count;
  int is_stopped;
  unsigned char bytes[4096];
};

static struct write writes[most_writes];
static int write_count;
static pid_t threads[most_threads];
static int thread_count;
static int memory;

static unsigned long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ul + time.tv_nsec;
}

static void require(int holds, const char *what) {
  if (holds) return;
  perror(what);
  exit(1);
}

static void read_writes(void) {
  static char word[16], text[8300];
  unsigned long address;
  while (scanf("%15s %lx %8299s", word, &address, text) == 3) {
    require(write_count < most_writes, "writes");
    struct write *next = &writes[write_count++];
    next->address = address;
    next->is_stopped = !strcmp(word, "stopped");
    next->count = strlen(text) / 2;
    for (size_t index = 0; index < next->count; index++) sscanf(text + 2 * index, "%2hhx", &next->bytes[index]);
  }
}

static void put(int is_stopped) {
  for (struct write *each = writes; each < writes + write_count; each++) {
    if (each->is_stopped != is_stopped) continue;
    require(pwrite(memory, each->bytes, each->count, (off_t)each->address) == (ssize_t)each->count, "pwrite");
  }
}

static void seize(const char *process) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/task", process);
  DIR *folder = opendir(path);
  require(folder != 0, path);
  for (struct dirent *entry; (entry = readdir(folder));) {
    if (entry->d_name[0] == '.') continue;
    require(thread_count < most_threads, "threads");
    threads[thread_count] = atoi(entry->d_name);
    require(!ptrace(PTRACE_SEIZE, threads[thread_count], 0, 0), "seize");
    thread_count++;
  }
  closedir(folder);
}

int main(int count, char **words) {
  if (count != 3) return 64;
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/mem", words[1]);
  memory = open(path, O_RDWR);
  require(memory >= 0, path);
  read_writes();
  seize(words[1]);
  put(0);
  struct sched_param priority = {.sched_priority = 1};
  if (!strcmp(words[2], "first")) require(!sched_setscheduler(0, SCHED_FIFO, &priority), "sched_setscheduler");
  unsigned long start = now();
  for (int index = 0; index < thread_count; index++) {
    require(!ptrace(PTRACE_INTERRUPT, threads[index], 0, 0), "interrupt");
  }
  for (int index = 0; index < thread_count; index++) {
    int status;
    require(waitpid(threads[index], &status, __WALL) == threads[index] && WIFSTOPPED(status), "waitpid");
  }
  put(1);
  for (int index = 0; index < thread_count; index++) {
    require(!ptrace(PTRACE_DETACH, threads[index], 0, 0), "detach");
  }
  printf("%lu\n", now() - start);
}
