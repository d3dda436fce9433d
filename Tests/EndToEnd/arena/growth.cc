// A program with threads that call `work` all the time, which throws through itself when it is asked to. Lines on standard input:
//   ask    answers `answer N thrown N depth M wrong K`: what `work` returns and throws now, how many frames an unwinder finds
//          below it, and how many answers of any thread have been no answer of any edit
// With an argument nothing is thrown: for a process in which no unwinder gets through new code.
#include <execinfo.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <atomic>

struct Thrown {
  int value;
};

int work(int throwing);

static std::atomic<int> wrong, frames, cleaned;
static bool quiet;

void look() {
  void *found[64];
  frames = backtrace(found, 64);
}

void fail(int value) { throw Thrown{value}; }
void clean() { cleaned++; }

static int thrown() {
  if (quiet) return work(0);
  int before = cleaned;
  try {
    work(1);
  } catch (const Thrown &caught) {
    return cleaned == before ? -2 : caught.value;
  }
  return -3;
}

static void *run(void *) {
  for (;;) {
    if (work(0) < 0 || thrown() < 0) wrong++;
    usleep(2000);
  }
}

int main(int count, char **) {
  quiet = count > 1;
  setvbuf(stdout, nullptr, _IOLBF, 0);
  for (int index = 0; index < 4; index++) {
    pthread_t thread;
    pthread_create(&thread, nullptr, run, nullptr);
  }
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    if (strcmp(line, "ask\n")) continue;
    int answer = work(0);
    look();
    int own = frames;
    work(0);
    int depth = frames - own;
    printf("answer %d thrown %d depth %d wrong %d\n", answer, thrown(), depth, int(wrong));
  }
  _exit(0);
}
