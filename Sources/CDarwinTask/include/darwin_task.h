// One function for each call of the Mach kernel and of Darwin's C library that the applier makes. No policy here.
//
// Of the system's types only fixed-width integers are shown, so that whoever imports this compiles on every system: elsewhere
// than on Darwin each function returns KERN_NOT_SUPPORTED or -ENOTSUP. Unless said otherwise a function returns the
// kern_return_t of its call.
#ifndef HCS_DARWIN_TASK_H
#define HCS_DARWIN_TASK_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t darwin_port;

// Tasks. The port's reference belongs to the caller, until darwin_task_release.
int darwin_task_open(int32_t process, darwin_port *task);
int darwin_task_release(darwin_port port);
int darwin_task_suspend(darwin_port task);
int darwin_task_resume(darwin_port task);
// Where struct dyld_all_image_infos is (mach-o/dyld_images.h), and its byte count.
int darwin_task_dyld_info(darwin_port task, uint64_t *address, uint64_t *byte_count);

// Memory.
struct darwin_region {
  uint64_t address;
  uint64_t byte_count;
  uint32_t depth;
  int32_t protection;
  int32_t maximal_protection;
  uint32_t is_submap;
  uint32_t tag;
};
// The region that holds the address, or else the next one; `depth` says how many submaps may be gone into.
int darwin_task_next_region(darwin_port task, uint64_t address, uint32_t depth, struct darwin_region *region);
int darwin_task_read(darwin_port task, uint64_t address, void *bytes, uint64_t count, uint64_t *done);
int darwin_task_write(darwin_port task, uint64_t address, const void *bytes, uint32_t count);
int darwin_task_protect(darwin_port task, uint64_t address, uint64_t byte_count, int32_t sets_maximum, int32_t protection);
// At exactly this address, never over what is there.
int darwin_task_allocate(darwin_port task, uint64_t address, uint64_t byte_count);
int darwin_task_deallocate(darwin_port task, uint64_t address, uint64_t byte_count);
// Makes instruction fetches see what was written.
int darwin_task_flush(darwin_port task, uint64_t address, uint64_t byte_count);

// Threads.
// The ports and, with them, `list` belong to the caller: to be given back by darwin_task_release_threads.
int darwin_task_threads(darwin_port task, darwin_port **list, uint32_t *count);
int darwin_task_release_threads(darwin_port *list, uint32_t count);
// `count` in 32-bit words, in and out.
int darwin_task_thread_state(darwin_port thread, int32_t flavor, uint32_t *words, uint32_t *count);
// The thread's number in the system, and where its thread-specific data begins.
int darwin_task_thread_identity(darwin_port thread, uint64_t *number, uint64_t *specific_data);
// Zero-terminated; 64 bytes.
int darwin_task_thread_name(darwin_port thread, char *name);

// Words for a kern_return_t: static, never null.
const char *darwin_task_error_text(int error);
uint64_t darwin_task_page_size(void);

// Processes. Each returns 0 or more, or -errno.
struct darwin_process {
  // p_flag and p_stat of sys/proc.h.
  int32_t flags;
  int32_t state;
  int64_t start_seconds;
  int32_t start_microseconds;
  char name[17];
};
int darwin_process_facts(int32_t process, struct darwin_process *facts);
// Its executable's path, zero-terminated.
int darwin_process_path(int32_t process, char *path, size_t capacity);
int darwin_process_signal(int32_t process, int32_t signal);
// Waits for nothing: 0 while it runs.
int darwin_process_poll_status(int32_t process, int32_t *status);
// A new process that has run nothing yet, not even the dynamic loader; SIGCONT lets it go. Returns its id.
int darwin_process_spawn(const char *path, char *const *arguments, char *const *environment, int disables_aslr);

// A file of its own that is locked, made where it is missing; the descriptor, or -EWOULDBLOCK where another has locked it.
int darwin_lock_file(const char *path);
int darwin_unlock_file(int descriptor);

// A queue that reports the end of a process and signals (bits of `1 << (number - 1)`), which are ignored from now on.
int darwin_watch(int32_t process, uint64_t signals);
// Waits for the next: a signal's number, or 0 at the end of the process.
int darwin_next_event(int queue);
int darwin_end_watch(int queue);

#endif
