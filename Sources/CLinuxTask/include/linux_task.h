// One function for each system call that Swift cannot reach by itself: variadic (ptrace, syscall), or only legal between
// fork and exec. No policy here. Each returns what the call returns, or -errno.
#ifndef HCS_LINUX_TASK_H
#define HCS_LINUX_TASK_H

#ifdef __linux__

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// In 64-bit words: struct user_regs_struct of <sys/user.h> on x86-64.
#define LINUX_TASK_REGISTER_COUNT 27

pid_t linux_task_this_thread(void);
int linux_task_seize(pid_t thread, unsigned long options);
int linux_task_interrupt(pid_t thread);
int linux_task_continue(pid_t thread, int signal);
int linux_task_continue_to_system_call(pid_t thread, int signal);
int linux_task_listen(pid_t thread);
int linux_task_detach(pid_t thread, int signal);
int linux_task_set_options(pid_t thread, unsigned long options);
int linux_task_get_event_message(pid_t thread, unsigned long *message);
int linux_task_poke(pid_t thread, uint64_t address, uint64_t word);

// -EMSGSIZE unless the thread is a 64-bit x86 one.
int linux_task_get_registers(pid_t thread, uint64_t *words);
int linux_task_set_registers(pid_t thread, const uint64_t *words);
// The byte count of the extended state, in the uncompacted XSAVE layout.
ssize_t linux_task_get_extended_state(pid_t thread, void *bytes, size_t count);
ssize_t linux_task_set_extended_state(pid_t thread, const void *bytes, size_t count);
int linux_task_get_signal_mask(pid_t thread, uint64_t *mask);
int linux_task_set_signal_mask(pid_t thread, uint64_t mask);
// 128 bytes: siginfo_t.
int linux_task_get_signal_info(pid_t thread, void *info);
int linux_task_set_signal_info(pid_t thread, const void *info);

// How many signals wait, as far as one of the thread's own and one of the process's; blocked ones count.
int linux_task_peek_signals(pid_t thread);

// The thread that has a status to report, 0 when there is none yet. Never blocks.
int linux_task_poll_status(pid_t thread, int *status);
ssize_t linux_task_write_memory(pid_t process, const void *bytes, uint64_t address, size_t count);
int linux_task_send_signal(pid_t process, pid_t thread, int signal);

// Reader and writer, both closed by an exec.
int linux_task_pipe(int ends[2]);
// A child that waits until `go` (the read end of a pipe) yields a byte, then runs the program; when that fails it writes
// the errno as an int to `failure`. `goWriter` and `failureReader` are the parent's ends. Returns the child's id.
int linux_task_spawn(const char *path, char *const *arguments, char *const *environment, int disables_randomization,
                     int go, int go_writer, int failure, int failure_reader);

int linux_task_open_process(pid_t process);
// The bounds of the mapping that holds the address, and its protection in the bits of mmap(2): PROCMAP_QUERY on a descriptor of
// /proc/PID/maps. -ENOTTY before Linux 6.11, -ENOENT where nothing is mapped.
int linux_task_query_mapping(int maps, uint64_t address, uint64_t *start, uint64_t *end);
// A descriptor from which the given signals (bits of the kernel's mask) are read; they are blocked in this thread, and
// the mask found is stored in `found`.
int linux_task_take_signals(uint64_t mask, uint64_t *found);
int linux_task_restore_signals(uint64_t found);
// The signal's number and si_code; 0 when there is none.
int linux_task_next_signal(int descriptor, int *code);

#endif
#endif
