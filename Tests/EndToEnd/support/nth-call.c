/*
 * Runs a program and lets one of its system calls fail, or ends the program before it: a debugger whose only purpose is that.
 * Calls are counted over all of the program's threads, from the first one that opens a file whose name ends in SUFFIX; where SUFFIX
 * is the name of a call with a colon before it, from the first such call.
 *
 * usage: nth-call kill|once|on|list CALL ERRNO SUFFIX REPORT PROGRAM ARGUMENT…
 *   kill  SIGKILL in place of the call: what came before it has been done, and nothing after
 *   once  the call fails with ERRNO and has no effect
 *   on    so do all that follow, but for those that cannot fail (exit, return from a signal handler) and those that runtime
 *         libraries try until they succeed (memory, locks, threads, sleep)
 *   list  none fails; CALL and ERRNO are of no account
 * CALL is a number, 1 for the first and 0 for none; or PLACE:N, the N-th call of that place (call-place.h).
 * REPORT gets one line, `calls C met NAME|none`, and with list one more for each place, in the order in which they were come to:
 * `place PLACE calls C met NAME frames OFFSET,…`. The status is the program's own, 128 + n for signal n.
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

#include "call-place.h"

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
    NAME(sysinfo), NAME(prlimit64), NAME(waitid), NAME(kill), NAME(socket), NAME(connect), NAME(lgetxattr), NAME(dup), NAME(pipe2), NAME(poll),
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

enum { MOST_PLACES = 8192, NAME_BYTES = 64 };
struct counted_place {
  struct place place;
  unsigned long calls;
  char name[NAME_BYTES];
};
static struct counted_place places[MOST_PLACES];
static int place_count;

static void count_place(const struct place *place, const char *name) {
  for (int i = 0; i < place_count; i++)
    if (places[i].place.hash == place->hash) {
      places[i].calls++;
      return;
    }
  if (place_count == MOST_PLACES) return;
  struct counted_place *added = &places[place_count++];
  added->place = *place;
  added->calls = 1;
  snprintf(added->name, sizeof added->name, "%s", name);
}

/* What is asked for, and how far it has come. */
struct run {
  pid_t child;
  const char *mode, *suffix;
  int lists, kills, lasts, number, is_armed, is_met;
  unsigned long wanted, calls;
  uint64_t wanted_place;
  char met[NAME_BYTES];
};

static int is_due(struct run *run, pid_t thread, const struct call_info *info, const char *name) {
  run->calls++;
  if (run->is_met) return 0;
  if (!run->lists && !run->wanted_place) return run->calls == run->wanted;
  if (!run->lists && run->wanted_place >> NUMBER_SHIFT != info->entry.number) return 0;
  uint64_t kind = info->entry.number == SYS_ptrace ? info->entry.arguments[0] : 0;
  struct place place = place_of(run->child, thread, (long)info->entry.number, kind);
  if (run->lists) count_place(&place, name);
  return run->wanted_place && place.hash == run->wanted_place && --run->wanted == 0;
}

static void note_entry(struct run *run, pid_t thread, const struct call_info *info) {
  long call = (long)info->entry.number;
  const char *name = name_of(call, info->entry.arguments[0]);
  if (!run->is_armed && *run->suffix == ':') run->is_armed = !strcmp(name, run->suffix + 1);
  else if (!run->is_armed && call == SYS_openat) run->is_armed = ends_in(thread, info->entry.arguments[1], run->suffix);
  if (!run->is_armed) return;
  int was_met = run->is_met, is_due_now = is_due(run, thread, info, name);
  if (is_due_now) {
    run->is_met = 1;
    snprintf(run->met, sizeof run->met, "%s", name);
    if (run->kills) kill(run->child, SIGKILL);
  }
  if (run->kills || cannot_fail(call) || !(is_due_now || (was_met && run->lasts && !is_of_runtime(call)))) return;
  set_word(thread, NUMBER, (uint64_t)-1);
  pid_t *free_slot = slot(0);
  if (free_slot) *free_slot = thread;
}

static void note_exit(const struct run *run, pid_t thread) {
  pid_t *own = slot(thread);
  if (!own) return;
  set_word(thread, RESULT, (uint64_t)-(int64_t)run->number);
  *own = 0;
}

/* Until the program has ended: its status. */
static int trace(struct run *run) {
  int status = 0;
  for (;;) {
    pid_t thread = waitpid(-1, &status, __WALL);
    if (thread < 0) break;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (thread == run->child) break;
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
    if (info.op == ENTRY) note_entry(run, thread, &info);
    else if (info.op == EXIT) note_exit(run, thread);
    ptrace(PTRACE_SYSCALL, thread, 0, 0);
  }
  return status;
}

static int write_report(const struct run *run, const char *path) {
  FILE *report = fopen(path, "w");
  if (!report) return 0;
  fprintf(report, "calls %lu met %s\n", run->calls, run->met);
  for (int i = 0; i < place_count; i++) {
    const struct counted_place *counted = &places[i];
    fprintf(report, "place %016" PRIx64 " calls %lu met %s frames ", counted->place.hash, counted->calls, counted->name);
    for (int j = 0; j < counted->place.depth; j++)
      fprintf(report, "%s%" PRIx64, j ? "," : "", counted->place.frames[j]);
    fprintf(report, "\n");
  }
  return !fclose(report);
}

int main(int count, char **arguments) {
  if (count < 7) return 64;
  struct run run = {.mode = arguments[1], .suffix = arguments[4], .number = atoi(arguments[3]), .met = "none"};
  run.kills = !strcmp(run.mode, "kill");
  run.lasts = !strcmp(run.mode, "on");
  run.lists = !strcmp(run.mode, "list");
  run.is_armed = !*run.suffix;
  const char *colon = strchr(arguments[2], ':');
  if (colon) run.wanted_place = strtoull(arguments[2], NULL, 16);
  run.wanted = run.lists ? 0 : strtoul(colon ? colon + 1 : arguments[2], NULL, 10);

  int status = 0;
  run.child = fork();
  if (run.child == 0) {
    raise(SIGSTOP);
    execv(arguments[6], arguments + 6);
    _exit(127);
  }
  waitpid(run.child, &status, WUNTRACED);
  if (ptrace(PTRACE_SEIZE, run.child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)) return 125;
  kill(run.child, SIGCONT);
  status = trace(&run);
  if (!write_report(&run, arguments[5])) return 125;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
