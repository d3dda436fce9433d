// A program whose threads may stay in whichever body of `work` they have entered. Lines on standard input:
//   ask      answers `answer N depth M`: what `work` returns now, and how many frames an unwinder finds below it
//   park     a new thread enters `work` and stays in it; answers once it does: `parked N`
//   release  all of them return; answers how many came back with the answer of the body that they had entered: `released N`
#include <execinfo.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

int work(int stay);
int aside(void);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static int parked, generation;
static pthread_t threads[4096];
static int frames;

void look(int stay) {
  void *found[64];
  frames = backtrace(found, 64);
  if (!stay) return;
  pthread_mutex_lock(&lock);
  int mine = generation;
  parked++;
  pthread_cond_broadcast(&moved);
  while (mine == generation) pthread_cond_wait(&moved, &lock);
  pthread_mutex_unlock(&lock);
}

static void *enter(void *wanted) { return (void *)(long)(work(1) == (int)(long)wanted); }

int main(void) {
  char line[64];
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin)) {
    if (!strcmp(line, "ask\n")) {
      int answer = work(0);
      aside();
      printf("answer %d depth %d\n", answer, frames);
    } else if (!strcmp(line, "park\n")) {
      int answer = work(0);
      pthread_mutex_lock(&lock);
      int wanted = parked + 1;
      pthread_create(&threads[parked], NULL, enter, (void *)(long)answer);
      while (parked < wanted) pthread_cond_wait(&moved, &lock);
      pthread_mutex_unlock(&lock);
      printf("parked %d\n", wanted);
    } else if (!strcmp(line, "release\n")) {
      int back = 0, count = parked;
      pthread_mutex_lock(&lock);
      generation++;
      pthread_cond_broadcast(&moved);
      pthread_mutex_unlock(&lock);
      for (int index = 0; index < count; index++) {
        void *result;
        pthread_join(threads[index], &result);
        back += result != NULL;
      }
      parked = 0;
      printf("released %d of %d\n", back, count);
    }
  }
  return 0;
}
