/*
 * A program that must not be hurt: THREADS threads in system calls, computation, signals, forks and thread creation. It counts
 * itself what went wrong: each call that fails or is interrupted without a reason of the program's own, each wrong answer, each
 * signal lost or delivered twice.
 *
 * usage: busy [THREADS [REST]]: how many, and how many milliseconds each rests between two rounds, 1 unless told. Then, for each line
 * of its input, one line: `rounds R least L slowest S failures F interruptions I title T edit E` and, if any, the first failure. L is
 * the number of rounds that the slowest thread has made, S its kind.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "work.h"

enum { MOST_THREADS = 512 };

static unsigned long failures;
/* Failures that are interruptions: errno is EINTR. */
static unsigned long interruptions;
static char first_failure[256];

static void failed(const char *kind, const char *what, long value) {
  int number = errno;
  if (number == EINTR && value == EINTR) __atomic_fetch_add(&interruptions, 1, __ATOMIC_SEQ_CST);
  if (__atomic_fetch_add(&failures, 1, __ATOMIC_SEQ_CST) == 0)
    snprintf(first_failure, sizeof first_failure, "%s: %s is %ld, errno %d", kind, what, value, number);
}

#define must(kind, condition, value) ((condition) ? (void)0 : failed(kind, #condition, (long)(value)))

static void check_answers(const char *kind, uint64_t number) {
  uint64_t answer = mix(number);
  must(kind, answer >> 8 == expected(number, answer & 255) >> 8 && (answer & 255) <= 3, answer & 255);
  answer = look_up(number);
  must(kind, answer >> 8 == number % 16 + 1 && (answer & 255) <= 3, answer);
  answer = descend(number % 12, number);
  must(kind, answer >> 8 == expected(number, answer & 255) >> 8, answer & 255);
}

/* Each kind of thread does one round after another. `self` tells threads of a kind apart. */

struct thread {
  unsigned kind, number;
  pthread_t handle;
  int ends[2];
  struct thread *partner;
  unsigned word;
  long taken;
  uint64_t count;
};

static void compute(struct thread *self) {
  for (int i = 0; i < 50; i++) check_answers("compute", self->count * 50 + i);
}

static void nap(struct thread *self) {
  struct timespec time = {0, 200000 + self->number * 1000};
  must("nap", nanosleep(&time, NULL) == 0, errno);
}

static void wait_epoll(struct thread *self) {
  static __thread int set, event;
  if (!set) {
    struct epoll_event wanted = {.events = EPOLLIN};
    set = epoll_create1(EPOLL_CLOEXEC);
    event = eventfd(0, EFD_CLOEXEC);
    must("epoll", epoll_ctl(set, EPOLL_CTL_ADD, event, &wanted) == 0, errno);
  }
  struct epoll_event found;
  must("epoll", epoll_wait(set, &found, 1, 1 + self->number % 3) == 0, errno);
  uint64_t one = 1;
  must("epoll", write(event, &one, sizeof one) == sizeof one, errno);
  must("epoll", epoll_wait(set, &found, 1, -1) == 1, errno);
  must("epoll", read(event, &one, sizeof one) == sizeof one && one == 1, one);
}

/* Two partners hand one another a number. */
static void hand(struct thread *self, const char *kind) {
  uint64_t number;
  if (self->number % 2 == 0) {
    number = self->count;
    must(kind, write(self->ends[1], &number, sizeof number) == sizeof number, errno);
    must(kind, read(self->ends[0], &number, sizeof number) == sizeof number, errno);
    must(kind, number >> 8 == expected(self->count, number & 255) >> 8, number & 255);
  } else {
    must(kind, read(self->ends[0], &number, sizeof number) == sizeof number, errno);
    number = mix(number);
    must(kind, write(self->ends[1], &number, sizeof number) == sizeof number, errno);
  }
}

static void use_pipe(struct thread *self) { hand(self, "pipe"); }
static void use_socket(struct thread *self) { hand(self, "socket"); }

static void wait_futex(struct thread *self) {
  struct timespec time = {0, 500000};
  long result = syscall(SYS_futex, &self->word, FUTEX_WAIT_PRIVATE, self->word, &time, NULL, 0);
  must("futex", result == -1 && errno == ETIMEDOUT, errno);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static unsigned long turn;

static void wait_condition(struct thread *self) {
  struct timespec until;
  pthread_mutex_lock(&lock);
  turn++;
  pthread_cond_broadcast(&turned);
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += 1000000;
  if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
  int result = pthread_cond_timedwait(&turned, &lock, &until);
  pthread_mutex_unlock(&lock);
  must("condition", result == 0 || result == ETIMEDOUT, result);
  check_answers("condition", self->count);
}

static void wait_poll(struct thread *self) {
  int result = wait_a_while(self->number % 3);
  must("poll", result == 0, errno);
}

static void fork_and_wait(struct thread *self) {
  pid_t child = fork();
  if (child == 0) {
    uint64_t answer = mix(self->count);
    _exit(answer >> 8 == expected(self->count, answer & 255) >> 8 ? 7 : 8);
  }
  int status = 0;
  pid_t waited = waitpid(child, &status, 0);
  must("fork", waited == child, errno);
  must("fork", WIFEXITED(status) && WEXITSTATUS(status) == 7, status);
  usleep(3000);
}

static void *short_life(void *argument) {
  check_answers("life", (uint64_t)argument);
  return argument;
}

static void create_and_join(struct thread *self) {
  pthread_t thread;
  void *result = NULL;
  int created = pthread_create(&thread, NULL, short_life, (void *)(self->count + 1));
  must("life", created == 0, created);
  if (created) return;
  must("life", pthread_join(thread, &result) == 0 && (uint64_t)result == self->count + 1, result);
}

static __thread struct thread *taker;

void signal_taken(int signal, siginfo_t *info) {
  /* Sent one at a time, each once it is known that the last has come: exactly the next. */
  must("signal", signal == SIGRTMIN + 1 && info->si_code == SI_QUEUE, info->si_code);
  must("signal", taker && info->si_value.sival_int == (int)(taker->taken + 1), info->si_value.sival_int);
  if (taker) __atomic_add_fetch(&taker->taken, 1, __ATOMIC_RELAXED);
}

/* An even one takes signals in a handler, on a second stack; its partner sends them. */
static void signals(struct thread *self) {
  if (self->number % 2 == 0) {
    if (!taker) {
      static __thread char room[32768];
      stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
      must("signal", sigaltstack(&stack, NULL) == 0, errno);
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGRTMIN + 1);
      taker = self;
      must("signal", pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0, errno);
      __atomic_store_n(&self->word, 1, __ATOMIC_RELEASE);
    }
    check_answers("signal", self->count);
    return;
  }
  struct thread *partner = self->partner;
  if (!__atomic_load_n(&partner->word, __ATOMIC_ACQUIRE)) {
    usleep(1000);
    return;
  }
  union sigval value = {.sival_int = (int)(__atomic_load_n(&partner->taken, __ATOMIC_RELAXED) + 1)};
  must("signal", pthread_sigqueue(partner->handle, SIGRTMIN + 1, value) == 0, errno);
  for (int waits = 0; __atomic_load_n(&partner->taken, __ATOMIC_RELAXED) < value.sival_int; waits++) {
    if (waits == 200000) return failed("signal", "signal lost", value.sival_int);
    usleep(50);
  }
}

/* A timer whose signals are waited for by nobody else. */
static void timers(struct thread *self) {
  static __thread timer_t timer;
  static __thread int is_set;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN + 2);
  if (!is_set) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 2};
    event._sigev_un._tid = (int)syscall(SYS_gettid);
    struct itimerspec every = {{0, 700000}, {0, 700000}};
    must("timer", timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, errno);
    must("timer", timer_settime(timer, 0, &every, NULL) == 0, errno);
    is_set = 1;
  }
  siginfo_t info;
  must("timer", sigwaitinfo(&set, &info) == SIGRTMIN + 2, errno);
  must("timer", info.si_code == SI_TIMER, info.si_code);
  check_answers("timer", self->count);
}

/* Kept by the system until it is removed, as main does at the end of input. */
static int semaphores;

static void wait_semaphore(struct thread *self) {
  struct sembuf take = {0, -1, 0};
  struct timespec time = {0, 400000};
  int result = semtimedop(semaphores, &take, 1, &time);
  must("semaphore", result == -1 && errno == EAGAIN, errno);
  check_answers("semaphore", self->count);
}

/* A received time-out tells from an interruption: with SO_RCVTIMEO, recv(2) is not restarted. */
static void receive(struct thread *self) {
  char byte;
  ssize_t result = recv(self->ends[0], &byte, 1, 0);
  must("receive", result == -1 && errno == EAGAIN, errno);
}

/* Where it was: nobody else can tell afterwards. */
static void die(int signal, siginfo_t *info, void *context) {
  const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  char name[16] = "", text[512];
  pthread_getname_np(pthread_self(), name, sizeof name);
  int count = snprintf(text, sizeof text, "busy: signal %d at %llx of %p in thread %s, stack %llx, registers", signal,
                       registers[REG_RIP], info->si_addr, name, registers[REG_RSP]);
  for (int i = 0; i < REG_RIP; i++)
    count += snprintf(text + count, sizeof text - (size_t)count, " %llx", registers[i]);
  dprintf(STDERR_FILENO, "%s; mix is at %p\n", text, (void *)mix);
  sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
}

static const int deaths[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT};

static void jump(struct thread *self) {
  jmp_buf place;
  volatile uint64_t number = self->count;
  int came = setjmp(place);
  if (came < 3) {
    check_answers("jump", number + came);
    longjmp(place, came + 1);
  }
  must("jump", came == 3, came);
}

static const struct {
  const char *name;
  void (*round)(struct thread *);
} kinds[] = {
    {"compute", compute},        {"pipe", use_pipe},         {"nap", nap},         {"epoll", wait_epoll},
    {"socket", use_socket},      {"futex", wait_futex},      {"signal", signals},  {"condition", wait_condition},
    {"poll", wait_poll},         {"fork", fork_and_wait},    {"life", create_and_join}, {"timer", timers},
    {"semaphore", wait_semaphore}, {"receive", receive},     {"jump", jump},
};
enum { USED_KINDS = sizeof kinds / sizeof *kinds };

static struct thread threads[MOST_THREADS];
static long rest_milliseconds = 1;

static void *run(void *argument) {
  struct thread *self = argument;
  for (;;) {
    kinds[self->kind].round(self);
    __atomic_store_n(&self->count, self->count + 1, __ATOMIC_RELAXED);
    /* A processor or two have to do for all of them and for whoever applies updates. Who takes signals may be woken. */
    struct timespec rest = {0, rest_milliseconds * 1000000};
    int result = nanosleep(&rest, NULL);
    must("rest", result == 0 || taker == self, errno);
  }
  return NULL;
}

static void connect_partners(struct thread *one, struct thread *other) {
  one->partner = other, other->partner = one;
  if (kinds[one->kind].round == use_pipe) {
    int there[2], back[2];
    if (pipe2(there, O_CLOEXEC) || pipe2(back, O_CLOEXEC)) exit(1);
    one->ends[0] = back[0], one->ends[1] = there[1], other->ends[0] = there[0], other->ends[1] = back[1];
  } else if (kinds[one->kind].round == use_socket) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) exit(1);
    one->ends[0] = one->ends[1] = ends[0], other->ends[0] = other->ends[1] = ends[1];
  }
}

static void prepare(struct thread *thread) {
  if (kinds[thread->kind].round != receive) return;
  struct timeval time = {0, 2000};
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, thread->ends)) exit(1);
  setsockopt(thread->ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

int main(int count, char **arguments) {
  unsigned wanted = count > 1 ? (unsigned)atoi(arguments[1]) : 64;
  if (count > 2) rest_milliseconds = atoi(arguments[2]) % 1000;
  struct sigaction action = {.sa_sigaction = take_signal, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
  sigaction(SIGRTMIN + 1, &action, NULL);
  sigset_t all;
  sigfillset(&all);
  for (unsigned i = 0; i < sizeof deaths / sizeof *deaths; i++) {
    sigaction(deaths[i], &(struct sigaction){.sa_sigaction = die, .sa_flags = SA_SIGINFO | SA_ONSTACK}, NULL);
    sigdelset(&all, deaths[i]);
  }
  pthread_sigmask(SIG_BLOCK, &all, NULL);
  semaphores = semget(IPC_PRIVATE, 1, 0600);
  unsigned number = 0;
  for (unsigned kind = 0; number + 2 <= wanted && number + 2 <= MOST_THREADS; kind = (kind + 1) % USED_KINDS) {
    for (int partner = 0; partner < 2; partner++, number++) threads[number] = (struct thread){.kind = kind, .number = number};
    connect_partners(&threads[number - 2], &threads[number - 1]);
    prepare(&threads[number - 2]);
    prepare(&threads[number - 1]);
  }
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 128 << 10);
  for (unsigned i = 0; i < number; i++) {
    /* The handle is written before the partner looks for it: it waits for `word`. */
    if (pthread_create(&threads[i].handle, &attributes, run, &threads[i])) return 1;
    pthread_setname_np(threads[i].handle, kinds[threads[i].kind].name);
  }
  char line[128];
  while (fgets(line, sizeof line, stdin)) {
    uint64_t sum = 0, least = ~0ul;
    const char *slowest = "";
    for (unsigned i = 0; i < number; i++) {
      uint64_t done = __atomic_load_n(&threads[i].count, __ATOMIC_RELAXED);
      sum += done;
      if (done < least) least = done, slowest = kinds[threads[i].kind].name;
    }
    /* In this order, for they are counted in the other. */
    unsigned long failures_now = __atomic_load_n(&failures, __ATOMIC_SEQ_CST);
    unsigned long interruptions_now = __atomic_load_n(&interruptions, __ATOMIC_SEQ_CST);
    uint64_t answer = mix(sum);
    must("main", answer >> 8 == expected(sum, answer & 255) >> 8, answer & 255);
    printf("rounds %lu least %lu slowest %s failures %lu interruptions %lu title %s edit %u %s\n", sum, least, slowest,
           failures_now, interruptions_now,
           title(), (unsigned)(answer & 255), first_failure);
    fflush(stdout);
  }
  if (ferror(stdin)) perror("busy: its input");
  semctl(semaphores, 0, IPC_RMID);
  return 0;
}
