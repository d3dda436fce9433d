// `vfork`: a thread is, most of the time, in vfork(2), whose child takes 600 ms to end. `exchange`: on SIGUSR1 the process executes
// sleep(1). `filter`: every system call goes through a seccomp filter, that lets all pass.
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "victim.h"

long loops;
long forks;
long failed;

static void *fork_slowly(void *unused) {
  for (;;) {
    pid_t child = vfork();
    if (child == 0) {
      struct timespec time = {0, 600000000};
      nanosleep(&time, 0);
      _exit(7);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 7) failed++;
    forks++;
    usleep(50000);
  }
  return unused;
}

static void exchange(int signal) {
  (void)signal;
  execl("/bin/sleep", "sleep", "100", (char *)0);
}

static void filter_calls(void) {
  struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {1, all};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) failed++;
}

int main(int count, char **arguments) {
  victim_begin();
  const char *what = count > 1 ? arguments[1] : "";
  pthread_t thread;
  if (!strcmp(what, "vfork") && pthread_create(&thread, 0, fork_slowly, 0)) return 1;
  if (!strcmp(what, "filter")) filter_calls();
  if (!strcmp(what, "exchange")) signal(SIGUSR1, exchange);
  printf("loops %p\nforks %p\nfailed %p\nready\n", (void *)&loops, (void *)&forks, (void *)&failed);
  fflush(stdout);
  for (;;) {
    loops++;
    usleep(200);
  }
}
