/*
 * Runs a program and lets its N-th system call fail, or ends the program before it: a debugger whose only purpose is that.
 * Calls are counted over all of the program's threads, from the first one that opens a file whose name ends in SUFFIX.
 *
 * usage: nth-call kill|once|on N ERRNO SUFFIX REPORT PROGRAM ARGUMENT…
 *   kill  SIGKILL in place of the call: what came before it has been done, and nothing after
 *   once  the call fails with ERRNO and has no effect
 *   on    so do all that follow, but for those that cannot fail (exit, return from a signal handler) and those that runtime
 *         libraries try until they succeed (memory, locks, threads, sleep)
 * N is 1 for the first; 0 only counts. REPORT gets one line: `calls C met NAME|none`, and the status is the program's own,
 * 128 + n for signal n.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* As <linux/ptrace.h> has it, which cannot be included beside <sys/ptrace.h>. */
enum { GET_SYSCALL_INFO = 0x420e, ENTRY = 1, EXIT = 2 };
struct call_info {
  uint8_t op, padding[3];
  uint32_t architecture;
  uint64_t instruction_pointer, stack_pointer;
  union {
    struct {
      uint64_t number, arguments[6];
    } entry;
    struct {
      int64_t result;
      uint8_t is_error;
    } exit;
  };
};

/* Words of the registers (arch/x86/include/uapi/asm/ptrace.h) that hold a call's number and its result. */
enum { RESULT = 10, NUMBER = 15, WORDS = 27 };

static const struct {
  long number;
  const char *name;
} names[] = {
#define NAME(call) {SYS_##call, #call}
    NAME(read), NAME(write), NAME(open), NAME(openat), NAME(close), NAME(mmap), NAME(mprotect), NAME(munmap), NAME(brk),
    NAME(pread64), NAME(pwrite64), NAME(lseek), NAME(fstat), NAME(newfstatat), NAME(statx), NAME(stat), NAME(lstat),
    NAME(fsync), NAME(fdatasync), NAME(ftruncate), NAME(fallocate), NAME(rename), NAME(renameat2), NAME(unlink),
    NAME(unlinkat), NAME(fcntl), NAME(flock), NAME(ptrace), NAME(wait4), NAME(getdents64), NAME(readlink),
    NAME(rt_sigprocmask), NAME(rt_sigtimedwait), NAME(rt_sigaction), NAME(futex), NAME(clock_nanosleep), NAME(nanosleep),
    NAME(sched_setscheduler), NAME(sched_getscheduler), NAME(sched_getparam), NAME(process_vm_writev),
    NAME(process_vm_readv), NAME(getrandom), NAME(tgkill), NAME(clone3), NAME(clone), NAME(getpid), NAME(gettid),
    NAME(geteuid), NAME(getuid), NAME(madvise), NAME(mremap), NAME(ioctl), NAME(access), NAME(faccessat),
    NAME(faccessat2), NAME(getcwd), NAME(fchmod), NAME(fchown), NAME(fsetxattr), NAME(flistxattr), NAME(fgetxattr),
    NAME(utimensat), NAME(copy_file_range), NAME(sched_yield), NAME(sched_getaffinity), NAME(prctl), NAME(uname),
    NAME(sysinfo), NAME(prlimit64), NAME(socket), NAME(connect), NAME(lgetxattr), NAME(dup), NAME(pipe2), NAME(poll),
};

static const char *name_of(long number, uint64_t first) {
  static char text[64];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (names[i].number != number) continue;
    if (number != SYS_ptrace) return names[i].name;
    snprintf(text, sizeof text, "ptrace:%llx", (unsigned long long)first);
    return text;
  }
  snprintf(text, sizeof text, "call:%ld", number);
  return text;
}

static int cannot_fail(long number) {
  return number == SYS_exit || number == SYS_exit_group || number == SYS_rt_sigreturn || number == SYS_restart_syscall;
}

/* Without which a runtime library does not get as far as an error of the program's: they try again for ever. */
static int is_of_runtime(long number) {
  switch (number) {
    case SYS_mmap:
    case SYS_munmap:
    case SYS_mprotect:
    case SYS_brk:
    case SYS_futex:
    case SYS_clone3:
    case SYS_rt_sigprocmask:
    case SYS_clock_nanosleep:
    case SYS_nanosleep: return 1;
    default: return 0;
  }
}

static int ends_in(pid_t process, uint64_t address, const char *suffix) {
  char path[4096] = {0};
  /* Up to the end of the page, for the next may be missing. */
  size_t room = 4096 - address % 4096;
  struct iovec to = {path, room < sizeof path ? room : sizeof path - 1}, from = {(void *)address, to.iov_len};
  if (process_vm_readv(process, &to, 1, &from, 1, 0) <= 0) return 0;
  size_t length = strlen(path), wanted = strlen(suffix);
  return length >= wanted && !strcmp(path + length - wanted, suffix);
}

static void set_word(pid_t thread, int word, uint64_t value) {
  ptrace(PTRACE_POKEUSER, thread, (void *)(8l * word), (void *)value);
}

enum { MOST_THREADS = 64 };
static pid_t spoiled[MOST_THREADS];

static pid_t *slot(pid_t thread) {
  for (int i = 0; i < MOST_THREADS; i++)
    if (spoiled[i] == thread) return &spoiled[i];
  return NULL;
}

int main(int count, char **arguments) {
  if (count < 7) return 64;
  const char *mode = arguments[1], *suffix = arguments[4];
  unsigned long wanted = strtoul(arguments[2], NULL, 10), calls = 0;
  int number = atoi(arguments[3]), is_armed = !*suffix, status = 0;
  int kills = !strcmp(mode, "kill"), lasts = !strcmp(mode, "on");
  char met[64] = "none";

  pid_t child = fork();
  if (child == 0) {
    raise(SIGSTOP);
    execv(arguments[6], arguments + 6);
    _exit(127);
  }
  waitpid(child, &status, WUNTRACED);
  if (ptrace(PTRACE_SEIZE, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)) return 125;
  kill(child, SIGCONT);
  for (;;) {
    pid_t thread = waitpid(-1, &status, __WALL);
    if (thread < 0) break;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (thread == child) break;
      continue;
    }
    int signal = WSTOPSIG(status), event = status >> 16;
    if (event || signal != (SIGTRAP | 0x80)) {
      int delivered = event ? 0 : signal;
      ptrace(PTRACE_SYSCALL, thread, 0, (long)delivered);
      continue;
    }
    struct call_info info = {0};
    ptrace((enum __ptrace_request)GET_SYSCALL_INFO, thread, (void *)sizeof info, &info);
    if (info.op == ENTRY) {
      long call = (long)info.entry.number;
      if (!is_armed && call == SYS_openat) is_armed = ends_in(thread, info.entry.arguments[1], suffix);
      if (is_armed) {
        calls++;
        int is_met = wanted && (calls == wanted || (lasts && calls > wanted));
        if (is_met && calls == wanted) snprintf(met, sizeof met, "%s", name_of(call, info.entry.arguments[0]));
        if (is_met && kills) {
          kill(child, SIGKILL);
          wanted = 0;
        } else if (is_met && !cannot_fail(call) && (calls == wanted || !is_of_runtime(call))) {
          set_word(thread, NUMBER, (uint64_t)-1);
          pid_t *free_slot = slot(0);
          if (free_slot) *free_slot = thread;
        }
      }
    } else if (info.op == EXIT) {
      pid_t *own = slot(thread);
      if (own) {
        set_word(thread, RESULT, (uint64_t)-(int64_t)number);
        *own = 0;
      }
    }
    ptrace(PTRACE_SYSCALL, thread, 0, 0);
  }
  FILE *report = fopen(arguments[5], "w");
  if (!report) return 125;
  fprintf(report, "calls %lu met %s\n", calls, met);
  fclose(report);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
