// A thread in each of the calls that signal(7) names: those that a stop interrupts on Linux, those that SA_RESTART does not restart,
// and others that wait. None of them ever gets what it waits for: a call that returns is one too many.
// Prints the addresses of how many have returned and of the errno of the first, `without NAME` for what this system does not have; then
// `ready`. On its error output it names each call that returns.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "victim.h"

long returned;
long first_errno;
static const struct timespec long_time = {1000, 0};
static const struct timeval long_timeout = {1000, 0};
static char byte[4096];
static struct iovec part = {byte, sizeof byte};

/* What a kind prepares before its thread begins to wait. */
struct waiter {
  const char *name;
  // Whether this system has it.
  int (*prepare)(struct waiter *);
  long (*wait)(struct waiter *);
  int descriptor;
  union {
    struct sockaddr_un address;
    sem_t semaphore;
    unsigned word;
    aio_context_t context;
  };
};

static int pair(struct waiter *self, int type) {
  int ends[2];
  if (socketpair(AF_UNIX, type, 0, ends)) return 0;
  setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &long_timeout, sizeof long_timeout);
  setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &long_timeout, sizeof long_timeout);
  self->descriptor = ends[0];
  return 1;
}
static int empty_pair(struct waiter *self) { return pair(self, SOCK_DGRAM); }
static int full_pair(struct waiter *self) {
  if (!pair(self, SOCK_STREAM)) return 0;
  while (send(self->descriptor, byte, sizeof byte, MSG_DONTWAIT) > 0) {
  }
  return errno == EAGAIN;
}
static int listener(struct waiter *self) {
  self->address = (struct sockaddr_un){.sun_family = AF_UNIX};
  // An abstract name: no file.
  snprintf(self->address.sun_path + 1, sizeof self->address.sun_path - 1, "waits-%d-%s", getpid(), self->name);
  self->descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
  setsockopt(self->descriptor, SOL_SOCKET, SO_RCVTIMEO, &long_timeout, sizeof long_timeout);
  return !bind(self->descriptor, (struct sockaddr *)&self->address, sizeof self->address) && !listen(self->descriptor, 0);
}
static int full_listener(struct waiter *self) {
  if (!listener(self)) return 0;
  for (;;) {
    int other = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(other, (struct sockaddr *)&self->address, sizeof self->address)) break;
  }
  if (errno != EAGAIN) return 0;
  self->descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
  setsockopt(self->descriptor, SOL_SOCKET, SO_SNDTIMEO, &long_timeout, sizeof long_timeout);
  return 1;
}
static int epoll_set(struct waiter *self) { return (self->descriptor = epoll_create1(0)) >= 0; }
static int semaphores(struct waiter *self) {
  self->descriptor = semget(IPC_PRIVATE, 1, 0600);
  return self->descriptor >= 0;
}
static int nothing(struct waiter *self) { return self != 0; }
static int message_queue(struct waiter *self) { return (self->descriptor = msgget(IPC_PRIVATE, 0600)) >= 0; }
static int full_message_queue(struct waiter *self) {
  struct {
    long type;
    char text[1024];
  } message = {.type = 1};
  if (!message_queue(self)) return 0;
  while (!msgsnd(self->descriptor, &message, sizeof message.text, IPC_NOWAIT)) {
  }
  return errno == EAGAIN;
}
static int posix_queue(struct waiter *self) {
  char name[64];
  struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = sizeof byte};
  snprintf(name, sizeof name, "/waits-%d-%s", getpid(), self->name);
  self->descriptor = mq_open(name, O_RDWR | O_CREAT, 0600, &attributes);
  mq_unlink(name);
  return self->descriptor >= 0;
}
static int full_posix_queue(struct waiter *self) { return posix_queue(self) && !mq_send(self->descriptor, byte, 1, 0); }
static int watch(struct waiter *self) { return (self->descriptor = inotify_init1(0)) >= 0; }
static int counter(struct waiter *self) { return (self->descriptor = eventfd(0, 0)) >= 0; }
static int timer(struct waiter *self) { return (self->descriptor = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0; }
static int some_signals(struct waiter *self) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMAX);
  return (self->descriptor = signalfd(-1, &set, 0)) >= 0;
}
static int own_semaphore(struct waiter *self) { return !sem_init(&self->semaphore, 0, 0); }
static int asynchronous(struct waiter *self) { return !syscall(SYS_io_setup, 1, &self->context); }
static int pipe_end(struct waiter *self) {
  int ends[2];
  if (pipe(ends)) return 0;
  self->descriptor = ends[0];
  return 1;
}
static int full_pipe_end(struct waiter *self) {
  int ends[2];
  if (pipe(ends)) return 0;
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  while (write(ends[1], byte, sizeof byte) > 0) {
  }
  fcntl(ends[1], F_SETFL, 0);
  self->descriptor = ends[1];
  return 1;
}
static int fifo(struct waiter *self) {
  snprintf(self->address.sun_path, sizeof self->address.sun_path, "/tmp/waits-%d", getpid());
  return !mkfifo(self->address.sun_path, 0600);
}
static int locked_file(struct waiter *self) {
  FILE *file = tmpfile();
  if (!file) return 0;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(file));
  self->descriptor = open(path, O_RDWR);
  return self->descriptor >= 0 && !flock(fileno(file), LOCK_EX);
}
/* A child of its own, for locks of fcntl(2) are the process's; it ends with us. */
static pid_t child;
static int record_lock(struct waiter *self) {
  char name[] = "/tmp/waits-XXXXXX";
  self->descriptor = mkstemp(name);
  unlink(name);
  int ends[2];
  if (self->descriptor < 0 || pipe(ends)) return 0;
  child = fork();
  if (child == 0) {
    struct flock lock = {.l_type = F_WRLCK};
    fcntl(self->descriptor, F_SETLKW, &lock);
    close(ends[0]);
    if (write(ends[1], byte, 1) != 1) _exit(1);
    alarm(300);
    for (;;) pause();
  }
  return read(ends[0], byte, 1) == 1;
}

#define WAIT(name, ...) \
  static long name(struct waiter *self) { \
    (void)self; \
    return __VA_ARGS__; \
  }
#define SOCKADDR (struct sockaddr *)&self->address, sizeof self->address
static sigset_t waited;
static struct sembuf take = {0, -1, 0};
static struct pollfd none;
static struct epoll_event event;
static struct mmsghdr many;
static struct io_event happened;
static char text[8192];
static struct timespec later(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  time.tv_sec += 1000;
  return time;
}
WAIT(do_accept, accept(self->descriptor, 0, 0))
WAIT(do_recv, recv(self->descriptor, byte, 1, 0))
WAIT(do_recvfrom, recvfrom(self->descriptor, byte, 1, 0, 0, 0))
WAIT(do_recvmsg, recvmsg(self->descriptor, &(struct msghdr){.msg_iov = &part, .msg_iovlen = 1}, 0))
WAIT(do_recvmmsg, (many.msg_hdr.msg_iov = &part, many.msg_hdr.msg_iovlen = 1,
                   recvmmsg(self->descriptor, &many, 1, 0, &(struct timespec){1000, 0})))
WAIT(do_connect, connect(self->descriptor, SOCKADDR))
WAIT(do_send, send(self->descriptor, byte, sizeof byte, 0))
WAIT(do_sendto, sendto(self->descriptor, byte, sizeof byte, 0, 0, 0))
WAIT(do_sendmsg, sendmsg(self->descriptor, &(struct msghdr){.msg_iov = &part, .msg_iovlen = 1}, 0))
WAIT(do_epoll_wait, epoll_wait(self->descriptor, &event, 1, -1))
WAIT(do_epoll_pwait, epoll_pwait(self->descriptor, &event, 1, 1000000, &waited))
WAIT(do_semop, semop(self->descriptor, &take, 1))
WAIT(do_semtimedop, semtimedop(self->descriptor, &take, 1, &long_time))
WAIT(do_sigtimedwait, sigtimedwait(&waited, 0, &long_time))
WAIT(do_sigwaitinfo, sigwaitinfo(&waited, 0))
WAIT(do_read, read(self->descriptor, byte, sizeof byte))
WAIT(do_write, write(self->descriptor, byte, sizeof byte))
WAIT(do_futex, syscall(SYS_futex, &self->word, FUTEX_WAIT, self->word, &long_time, 0, 0))
WAIT(do_futex_bitset, syscall(SYS_futex, &self->word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, self->word,
                              &(struct timespec[]){later()}, 0, 1))
WAIT(do_sem_wait, sem_wait(&self->semaphore))
WAIT(do_sem_timedwait, sem_timedwait(&self->semaphore, (struct timespec[]){later()}))
WAIT(do_msgrcv, msgrcv(self->descriptor, text, 64, 0, 0))
WAIT(do_msgsnd, (*(long *)text = 1, msgsnd(self->descriptor, text, 1024, 0)))
WAIT(do_mq_receive, mq_receive(self->descriptor, byte, sizeof byte, 0))
WAIT(do_mq_timedsend, mq_timedsend(self->descriptor, byte, 1, 0, (struct timespec[]){later()}))
WAIT(do_nanosleep, nanosleep(&long_time, 0))
WAIT(do_clock_nanosleep, clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, 0) ? -1 : 0)
WAIT(do_clock_nanosleep_until, clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, (struct timespec[]){later()}, 0))
WAIT(do_usleep, usleep(1000000000))
WAIT(do_io_getevents, syscall(SYS_io_getevents, self->context, 1, 1, &happened, &long_time))
WAIT(do_poll, poll(&none, 0, -1))
WAIT(do_ppoll, ppoll(&none, 0, &long_time, &waited))
WAIT(do_select, select(0, 0, 0, 0, &(struct timeval){1000, 0}))
WAIT(do_pselect, pselect(0, 0, 0, 0, &long_time, &waited))
WAIT(do_pause, pause())
WAIT(do_sigsuspend, sigsuspend(&waited))
WAIT(do_flock, flock(self->descriptor, LOCK_EX))
WAIT(do_fcntl, fcntl(self->descriptor, F_SETLKW, &(struct flock){.l_type = F_WRLCK}))
WAIT(do_open, open(self->address.sun_path, O_RDONLY))
WAIT(do_wait4, wait4(child, 0, 0, 0))
WAIT(do_waitid, waitid(P_PID, (id_t)child, &(siginfo_t){0}, WEXITED))

static struct waiter waiters[] = {
    {"accept", listener, do_accept},
    {"recv", empty_pair, do_recv},
    {"recvfrom", empty_pair, do_recvfrom},
    {"recvmsg", empty_pair, do_recvmsg},
    {"recvmmsg", empty_pair, do_recvmmsg},
    {"connect", full_listener, do_connect},
    {"send", full_pair, do_send},
    {"sendto", full_pair, do_sendto},
    {"sendmsg", full_pair, do_sendmsg},
    {"epoll_wait", epoll_set, do_epoll_wait},
    {"epoll_pwait", epoll_set, do_epoll_pwait},
    {"semop", semaphores, do_semop},
    {"semtimedop", semaphores, do_semtimedop},
    {"sigtimedwait", nothing, do_sigtimedwait},
    {"sigwaitinfo", nothing, do_sigwaitinfo},
    {"inotify", watch, do_read},
    {"futex", nothing, do_futex},
    {"futex_bitset", nothing, do_futex_bitset},
    {"sem_wait", own_semaphore, do_sem_wait},
    {"sem_timedwait", own_semaphore, do_sem_timedwait},
    {"msgrcv", message_queue, do_msgrcv},
    {"msgsnd", full_message_queue, do_msgsnd},
    {"mq_receive", posix_queue, do_mq_receive},
    {"mq_timedsend", full_posix_queue, do_mq_timedsend},
    {"nanosleep", nothing, do_nanosleep},
    {"clock_nanosleep", nothing, do_clock_nanosleep},
    {"sleep until", nothing, do_clock_nanosleep_until},
    {"usleep", nothing, do_usleep},
    {"io_getevents", asynchronous, do_io_getevents},
    {"poll", nothing, do_poll},
    {"ppoll", nothing, do_ppoll},
    {"select", nothing, do_select},
    {"pselect", nothing, do_pselect},
    {"pause", nothing, do_pause},
    {"sigsuspend", nothing, do_sigsuspend},
    {"flock", locked_file, do_flock},
    {"fcntl", record_lock, do_fcntl},
    {"wait4", nothing, do_wait4},
    {"waitid", nothing, do_waitid},
    {"open", fifo, do_open},
    {"read pipe", pipe_end, do_read},
    {"write pipe", full_pipe_end, do_write},
    {"read eventfd", counter, do_read},
    {"read timerfd", timer, do_read},
    {"read signalfd", some_signals, do_read},
};
enum { COUNT = sizeof waiters / sizeof *waiters };

static void *run(void *argument) {
  struct waiter *self = argument;
  long result = self->wait(self);
  int number = errno;
  if (__atomic_fetch_add(&returned, 1, __ATOMIC_SEQ_CST) == 0) first_errno = number;
  fprintf(stderr, "waits: %s returned %ld, errno %d\n", self->name, result, number);
  for (;;) sleep(1000);
}

/* What outlives a process unless it is removed. */
static void clean_up(int signal) {
  for (unsigned i = 0; i < COUNT; i++) {
    if (waiters[i].prepare == semaphores) semctl(waiters[i].descriptor, 0, IPC_RMID);
    if (waiters[i].prepare == message_queue || waiters[i].prepare == full_message_queue)
      msgctl(waiters[i].descriptor, IPC_RMID, 0);
    if (waiters[i].prepare == fifo) unlink(waiters[i].address.sun_path);
  }
  if (child) kill(child, SIGKILL);
  _exit(signal != SIGTERM);
}

int main(void) {
  victim_begin();
  signal(SIGTERM, clean_up);
  signal(SIGALRM, clean_up);
  sigemptyset(&waited);
  sigaddset(&waited, SIGRTMAX);
  pthread_sigmask(SIG_BLOCK, &waited, 0);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  for (unsigned i = 0; i < COUNT; i++) {
    if (!waiters[i].prepare(&waiters[i])) {
      printf("without %s\n", waiters[i].name);
      continue;
    }
    pthread_t thread;
    if (pthread_create(&thread, &attributes, run, &waiters[i])) return 1;
    pthread_setname_np(thread, waiters[i].name);
  }
  usleep(100000);
  printf("returned %p\nfirst_errno %p\nready\n", (void *)&returned, (void *)&first_errno);
  fflush(stdout);
  for (;;) pause();
}
