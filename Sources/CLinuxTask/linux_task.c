#ifdef __linux__

#include "linux_task.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

// From <linux/ptrace.h>, which cannot be included beside <sys/ptrace.h>.
#define REQUEST_GET_SIGNAL_MASK 0x420a
#define REQUEST_SET_SIGNAL_MASK 0x420b
#define REQUEST_PEEK_SIGNAL_INFO 0x4209
#define KERNEL_SIGNAL_MASK_SIZE 8

struct peek_signal_info {
  uint64_t offset;
  uint32_t is_shared;
  int32_t count;
};

static long checked(long result) { return result < 0 ? -errno : result; }

static int request(int what, pid_t thread, uintptr_t address, uintptr_t data) {
  return (int)checked(ptrace(what, thread, (void *)address, (void *)data));
}

pid_t linux_task_this_thread(void) { return (pid_t)syscall(SYS_gettid); }
int linux_task_seize(pid_t thread, unsigned long options) { return request(PTRACE_SEIZE, thread, 0, options); }
int linux_task_interrupt(pid_t thread) { return request(PTRACE_INTERRUPT, thread, 0, 0); }
int linux_task_continue(pid_t thread, int signal) { return request(PTRACE_CONT, thread, 0, (uintptr_t)signal); }
int linux_task_continue_to_system_call(pid_t thread, int signal) {
  return request(PTRACE_SYSCALL, thread, 0, (uintptr_t)signal);
}
int linux_task_listen(pid_t thread) { return request(PTRACE_LISTEN, thread, 0, 0); }
int linux_task_detach(pid_t thread, int signal) { return request(PTRACE_DETACH, thread, 0, (uintptr_t)signal); }
int linux_task_set_options(pid_t thread, unsigned long options) {
  return request(PTRACE_SETOPTIONS, thread, 0, options);
}
int linux_task_get_event_message(pid_t thread, unsigned long *message) {
  return request(PTRACE_GETEVENTMSG, thread, 0, (uintptr_t)message);
}
int linux_task_poke(pid_t thread, uint64_t address, uint64_t word) {
  return request(PTRACE_POKEDATA, thread, address, word);
}

int linux_task_get_registers(pid_t thread, uint64_t *words) {
  struct iovec set = {words, LINUX_TASK_REGISTER_COUNT * sizeof *words};
  int result = request(PTRACE_GETREGSET, thread, NT_PRSTATUS, (uintptr_t)&set);
  if (result < 0) return result;
  return set.iov_len == LINUX_TASK_REGISTER_COUNT * sizeof *words ? 0 : -EMSGSIZE;
}

int linux_task_set_registers(pid_t thread, const uint64_t *words) {
  struct iovec set = {(void *)words, LINUX_TASK_REGISTER_COUNT * sizeof *words};
  return request(PTRACE_SETREGSET, thread, NT_PRSTATUS, (uintptr_t)&set);
}

ssize_t linux_task_get_extended_state(pid_t thread, void *bytes, size_t count) {
  struct iovec set = {bytes, count};
  int result = request(PTRACE_GETREGSET, thread, NT_X86_XSTATE, (uintptr_t)&set);
  return result < 0 ? result : (ssize_t)set.iov_len;
}

ssize_t linux_task_set_extended_state(pid_t thread, const void *bytes, size_t count) {
  struct iovec set = {(void *)bytes, count};
  int result = request(PTRACE_SETREGSET, thread, NT_X86_XSTATE, (uintptr_t)&set);
  return result < 0 ? result : (ssize_t)set.iov_len;
}

int linux_task_get_signal_mask(pid_t thread, uint64_t *mask) {
  return request(REQUEST_GET_SIGNAL_MASK, thread, KERNEL_SIGNAL_MASK_SIZE, (uintptr_t)mask);
}
int linux_task_set_signal_mask(pid_t thread, uint64_t mask) {
  return request(REQUEST_SET_SIGNAL_MASK, thread, KERNEL_SIGNAL_MASK_SIZE, (uintptr_t)&mask);
}
int linux_task_get_signal_info(pid_t thread, void *info) {
  return request(PTRACE_GETSIGINFO, thread, 0, (uintptr_t)info);
}
int linux_task_set_signal_info(pid_t thread, const void *info) {
  return request(PTRACE_SETSIGINFO, thread, 0, (uintptr_t)info);
}

int linux_task_peek_signals(pid_t thread) {
  int total = 0;
  for (uint32_t shared = 0; shared < 2; shared++) {
    struct peek_signal_info what = {0, shared, 1};
    siginfo_t info;
    int found = request(REQUEST_PEEK_SIGNAL_INFO, thread, (uintptr_t)&what, (uintptr_t)&info);
    if (found < 0) return found;
    total += found;
  }
  return total;
}

// A stop that has been waited for has no signal any more (kernel/exit.c, wait_task_stopped): were we killed then, the thread would
// go on without it. So stops are looked at and left, and only an end is collected.
int linux_task_poll_status(pid_t thread, int *status) {
  siginfo_t info = {0};
  int options = WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL;
  if (waitid(P_PID, (id_t)thread, &info, options) < 0) return -errno;
  if (info.si_pid == 0) return 0;
  if (info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED) {
    *status = info.si_status << 8 | 0x7f;
    return thread;
  }
  return (int)checked(waitpid(thread, status, __WALL | WNOHANG));
}

ssize_t linux_task_write_memory(pid_t process, const void *bytes, uint64_t address, size_t count) {
  struct iovec from = {(void *)bytes, count};
  struct iovec to = {(void *)(uintptr_t)address, count};
  return checked(process_vm_writev(process, &from, 1, &to, 1, 0));
}

int linux_task_send_signal(pid_t process, pid_t thread, int signal) {
  return (int)checked(thread ? syscall(SYS_tgkill, process, thread, signal) : kill(process, signal));
}

int linux_task_pipe(int ends[2]) { return (int)checked(pipe2(ends, O_CLOEXEC)); }

// Between fork and exec in a program with threads: async-signal-safe calls only.
static void run_child(const char *path, char *const *arguments, char *const *environment, int disables_randomization,
                      int go, int go_writer, int failure, int failure_reader) {
  // Our own write end would keep the read below from ending when the parent dies.
  close(go_writer);
  close(failure_reader);
  char byte;
  if (read(go, &byte, 1) != 1) _exit(125);
  // The thread that starts it may block signals that are no business of the program's (libdispatch's workers do).
  uint64_t none = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, KERNEL_SIGNAL_MASK_SIZE);
  unsigned long persona = (unsigned long)personality(0xffffffff) & ~(unsigned long)ADDR_NO_RANDOMIZE;
  if (disables_randomization) persona |= ADDR_NO_RANDOMIZE;
  if (personality(persona) != -1) execve(path, arguments, environment);
  int number = errno;
  if (write(failure, &number, sizeof number) < 0) _exit(125);
  _exit(125);
}

int linux_task_spawn(const char *path, char *const *arguments, char *const *environment, int disables_randomization,
                     int go, int go_writer, int failure, int failure_reader) {
  pid_t child = fork();
  if (child == 0) {
    run_child(path, arguments, environment, disables_randomization, go, go_writer, failure, failure_reader);
  }
  return (int)checked(child);
}

int linux_task_open_process(pid_t process) { return (int)checked(syscall(SYS_pidfd_open, process, 0)); }

// struct procmap_query of <linux/fs.h>, which headers before 6.11 lack.
struct mapping_query {
  uint64_t size, flags, address;
  uint64_t start, end, protection, page_size, offset, inode;
  uint32_t device_major, device_minor, name_size, build_id_size;
  uint64_t name, build_id;
};

int linux_task_query_mapping(int maps, uint64_t address, uint64_t *start, uint64_t *end) {
  struct mapping_query query = {.size = sizeof query, .address = address};
  if (ioctl(maps, _IOWR('f', 17, struct mapping_query), &query) < 0) return -errno;
  *start = query.start;
  *end = query.end;
  // PROCMAP_QUERY_VMA_READABLE, _WRITABLE and _EXECUTABLE are 1, 2 and 4, as PROT_READ, PROT_WRITE and PROT_EXEC are.
  return (int)(query.protection & 7);
}

int linux_task_take_signals(uint64_t mask, uint64_t *found) {
  if (syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, found, KERNEL_SIGNAL_MASK_SIZE) < 0) return -errno;
  return (int)checked(syscall(SYS_signalfd4, -1, &mask, KERNEL_SIGNAL_MASK_SIZE, SFD_CLOEXEC | SFD_NONBLOCK));
}

int linux_task_restore_signals(uint64_t found) {
  return (int)checked(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &found, NULL, KERNEL_SIGNAL_MASK_SIZE));
}

int linux_task_next_signal(int descriptor, int *code) {
  struct signalfd_siginfo info;
  ssize_t count = read(descriptor, &info, sizeof info);
  if (count < 0) return errno == EAGAIN ? 0 : -errno;
  *code = info.ssi_code;
  return (int)info.ssi_signo;
}

#endif
