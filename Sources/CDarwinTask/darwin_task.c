#include "darwin_task.h"

#ifdef __APPLE__

#include <errno.h>
#include <fcntl.h>
#include <libproc.h>
#include <mach/mach.h>
#include <mach/mach_error.h>
#include <mach/mach_vm.h>
#include <mach/vm_page_size.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/event.h>
#include <sys/file.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#include <sys/wait.h>
#include <unistd.h>

// Apple's <spawn.h> leaves it out: xnu, bsd/sys/spawn.h.
#define SPAWN_DISABLE_ASLR 0x0100

static int checked(int result) { return result < 0 ? -errno : result; }

// MARK: Tasks

int darwin_task_open(int32_t process, darwin_port *task) { return task_for_pid(mach_task_self(), process, task); }
int darwin_task_release(darwin_port port) { return mach_port_deallocate(mach_task_self(), port); }
int darwin_task_suspend(darwin_port task) { return task_suspend(task); }
int darwin_task_resume(darwin_port task) { return task_resume(task); }

int darwin_task_dyld_info(darwin_port task, uint64_t *address, uint64_t *byte_count) {
  struct task_dyld_info info = {0};
  mach_msg_type_number_t count = TASK_DYLD_INFO_COUNT;
  kern_return_t result = task_info(task, TASK_DYLD_INFO, (task_info_t)&info, &count);
  *address = info.all_image_info_addr;
  *byte_count = info.all_image_info_size;
  return result;
}

// MARK: Memory

int darwin_task_next_region(darwin_port task, uint64_t address, uint32_t depth, struct darwin_region *region) {
  mach_vm_address_t start = address;
  mach_vm_size_t size = 0;
  natural_t level = depth;
  vm_region_submap_info_data_64_t info = {0};
  mach_msg_type_number_t count = VM_REGION_SUBMAP_INFO_COUNT_64;
  kern_return_t result = mach_vm_region_recurse(task, &start, &size, &level, (vm_region_recurse_info_t)&info, &count);
  region->address = start;
  region->byte_count = size;
  region->depth = level;
  region->protection = info.protection;
  region->maximal_protection = info.max_protection;
  region->is_submap = info.is_submap != 0;
  region->tag = info.user_tag;
  return result;
}

int darwin_task_read(darwin_port task, uint64_t address, void *bytes, uint64_t count, uint64_t *done) {
  mach_vm_size_t read = 0;
  kern_return_t result = mach_vm_read_overwrite(task, address, count, (mach_vm_address_t)(uintptr_t)bytes, &read);
  *done = read;
  return result;
}

int darwin_task_write(darwin_port task, uint64_t address, const void *bytes, uint32_t count) {
  return mach_vm_write(task, address, (vm_offset_t)(uintptr_t)bytes, count);
}

int darwin_task_protect(darwin_port task, uint64_t address, uint64_t byte_count, int32_t sets_maximum, int32_t protection) {
  return mach_vm_protect(task, address, byte_count, sets_maximum, protection);
}

int darwin_task_allocate(darwin_port task, uint64_t address, uint64_t byte_count) {
  mach_vm_address_t start = address;
  return mach_vm_allocate(task, &start, byte_count, VM_FLAGS_FIXED);
}

int darwin_task_deallocate(darwin_port task, uint64_t address, uint64_t byte_count) {
  return mach_vm_deallocate(task, address, byte_count);
}

int darwin_task_flush(darwin_port task, uint64_t address, uint64_t byte_count) {
  vm_machine_attribute_val_t value = MATTR_VAL_CACHE_FLUSH;
  return mach_vm_machine_attribute(task, address, byte_count, MATTR_CACHE, &value);
}

// MARK: Threads

int darwin_task_threads(darwin_port task, darwin_port **list, uint32_t *count) {
  return task_threads(task, list, count);
}

int darwin_task_release_threads(darwin_port *list, uint32_t count) {
  kern_return_t result = KERN_SUCCESS;
  for (uint32_t index = 0; index < count; index++) {
    kern_return_t released = mach_port_deallocate(mach_task_self(), list[index]);
    if (released != KERN_SUCCESS) result = released;
  }
  kern_return_t freed = mach_vm_deallocate(mach_task_self(), (mach_vm_address_t)(uintptr_t)list, count * sizeof *list);
  return freed != KERN_SUCCESS ? freed : result;
}

int darwin_task_thread_state(darwin_port thread, int32_t flavor, uint32_t *words, uint32_t *count) {
  return thread_get_state(thread, flavor, (thread_state_t)words, count);
}

int darwin_task_thread_identity(darwin_port thread, uint64_t *number, uint64_t *specific_data) {
  struct thread_identifier_info info = {0};
  mach_msg_type_number_t count = THREAD_IDENTIFIER_INFO_COUNT;
  kern_return_t result = thread_info(thread, THREAD_IDENTIFIER_INFO, (thread_info_t)&info, &count);
  *number = info.thread_id;
  *specific_data = info.thread_handle;
  return result;
}

int darwin_task_thread_name(darwin_port thread, char *name) {
  struct thread_extended_info info = {0};
  mach_msg_type_number_t count = THREAD_EXTENDED_INFO_COUNT;
  kern_return_t result = thread_info(thread, THREAD_EXTENDED_INFO, (thread_info_t)&info, &count);
  _Static_assert(sizeof info.pth_name == 64, "MAXTHREADNAMESIZE");
  memcpy(name, info.pth_name, sizeof info.pth_name);
  name[sizeof info.pth_name - 1] = 0;
  return result;
}

const char *darwin_task_error_text(int error) { return mach_error_string(error); }
uint64_t darwin_task_page_size(void) { return vm_kernel_page_size; }

// MARK: Processes

int darwin_process_facts(int32_t process, struct darwin_process *facts) {
  int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, process};
  struct kinfo_proc info = {0};
  size_t size = sizeof info;
  if (sysctl(name, 4, &info, &size, NULL, 0) < 0) return -errno;
  // Of a process that is none, the kernel tells nothing and calls that a success.
  if (size == 0) return -ESRCH;
  facts->flags = info.kp_proc.p_flag;
  facts->state = info.kp_proc.p_stat;
  facts->start_seconds = info.kp_proc.p_un.__p_starttime.tv_sec;
  facts->start_microseconds = info.kp_proc.p_un.__p_starttime.tv_usec;
  _Static_assert(sizeof facts->name == sizeof info.kp_proc.p_comm, "MAXCOMLEN + 1");
  memcpy(facts->name, info.kp_proc.p_comm, sizeof facts->name);
  facts->name[sizeof facts->name - 1] = 0;
  return 0;
}

int darwin_process_path(int32_t process, char *path, size_t capacity) {
  int count = proc_pidpath(process, path, (uint32_t)capacity);
  return count > 0 ? count : -errno;
}

int darwin_process_signal(int32_t process, int32_t signal) { return checked(kill(process, signal)); }
int darwin_process_poll_status(int32_t process, int32_t *status) { return checked(waitpid(process, status, WNOHANG)); }

int darwin_process_spawn(const char *path, char *const *arguments, char *const *environment, int disables_aslr) {
  posix_spawnattr_t attributes;
  int error = posix_spawnattr_init(&attributes);
  if (error != 0) return -error;
  // The thread that starts it may block signals that are no business of the program's.
  sigset_t none;
  sigemptyset(&none);
  error = posix_spawnattr_setsigmask(&attributes, &none);
  int flags = POSIX_SPAWN_START_SUSPENDED | POSIX_SPAWN_SETSIGMASK | (disables_aslr ? SPAWN_DISABLE_ASLR : 0);
  if (error == 0) error = posix_spawnattr_setflags(&attributes, (short)flags);
  pid_t child = 0;
  if (error == 0) error = posix_spawn(&child, path, NULL, &attributes, arguments, environment);
  posix_spawnattr_destroy(&attributes);
  return error != 0 ? -error : child;
}

// MARK: Lock

int darwin_lock_file(const char *path) {
  int descriptor = open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (descriptor < 0) return -errno;
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return descriptor;
  int error = errno;
  close(descriptor);
  return -error;
}

int darwin_unlock_file(int descriptor) { return checked(close(descriptor)); }

// MARK: Watching

int darwin_watch(int32_t process, uint64_t signals) {
  int queue = kqueue();
  if (queue < 0) return -errno;
  struct kevent event;
  EV_SET(&event, process, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
  // A process that has ended already cannot be watched, and need not be.
  int result = kevent(queue, &event, 1, NULL, 0, NULL);
  for (int number = 1; number <= 64 && result >= 0; number++) {
    if (!(signals >> (number - 1) & 1)) continue;
    signal(number, SIG_IGN);
    EV_SET(&event, number, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL);
    result = kevent(queue, &event, 1, NULL, 0, NULL);
  }
  if (result >= 0) return queue;
  int error = errno;
  close(queue);
  return -error;
}

int darwin_next_event(int queue) {
  struct kevent event;
  int result = kevent(queue, NULL, 0, &event, 1, NULL);
  if (result < 0) return -errno;
  return event.filter == EVFILT_SIGNAL ? (int)event.ident : 0;
}

int darwin_end_watch(int queue) { return checked(close(queue)); }

#else

#include <errno.h>

// mach/kern_return.h.
#define KERN_NOT_SUPPORTED 46

int darwin_task_open(int32_t process, darwin_port *task) { return KERN_NOT_SUPPORTED; }
int darwin_task_release(darwin_port port) { return KERN_NOT_SUPPORTED; }
int darwin_task_suspend(darwin_port task) { return KERN_NOT_SUPPORTED; }
int darwin_task_resume(darwin_port task) { return KERN_NOT_SUPPORTED; }
int darwin_task_dyld_info(darwin_port task, uint64_t *address, uint64_t *byte_count) { return KERN_NOT_SUPPORTED; }
int darwin_task_next_region(darwin_port task, uint64_t address, uint32_t depth, struct darwin_region *region) {
  return KERN_NOT_SUPPORTED;
}
int darwin_task_read(darwin_port task, uint64_t address, void *bytes, uint64_t count, uint64_t *done) {
  return KERN_NOT_SUPPORTED;
}
int darwin_task_write(darwin_port task, uint64_t address, const void *bytes, uint32_t count) {
  return KERN_NOT_SUPPORTED;
}
int darwin_task_protect(darwin_port task, uint64_t address, uint64_t byte_count, int32_t sets_maximum, int32_t protection) {
  return KERN_NOT_SUPPORTED;
}
int darwin_task_allocate(darwin_port task, uint64_t address, uint64_t byte_count) { return KERN_NOT_SUPPORTED; }
int darwin_task_deallocate(darwin_port task, uint64_t address, uint64_t byte_count) { return KERN_NOT_SUPPORTED; }
int darwin_task_flush(darwin_port task, uint64_t address, uint64_t byte_count) { return KERN_NOT_SUPPORTED; }
int darwin_task_threads(darwin_port task, darwin_port **list, uint32_t *count) { return KERN_NOT_SUPPORTED; }
int darwin_task_release_threads(darwin_port *list, uint32_t count) { return KERN_NOT_SUPPORTED; }
int darwin_task_thread_state(darwin_port thread, int32_t flavor, uint32_t *words, uint32_t *count) {
  return KERN_NOT_SUPPORTED;
}
int darwin_task_thread_identity(darwin_port thread, uint64_t *number, uint64_t *specific_data) {
  return KERN_NOT_SUPPORTED;
}
int darwin_task_thread_name(darwin_port thread, char *name) { return KERN_NOT_SUPPORTED; }
const char *darwin_task_error_text(int error) { return ""; }
uint64_t darwin_task_page_size(void) { return 0; }
int darwin_process_facts(int32_t process, struct darwin_process *facts) { return -ENOTSUP; }
int darwin_process_path(int32_t process, char *path, size_t capacity) { return -ENOTSUP; }
int darwin_process_signal(int32_t process, int32_t signal) { return -ENOTSUP; }
int darwin_process_poll_status(int32_t process, int32_t *status) { return -ENOTSUP; }
int darwin_process_spawn(const char *path, char *const *arguments, char *const *environment, int disables_aslr) {
  return -ENOTSUP;
}
int darwin_lock_file(const char *path) { return -ENOTSUP; }
int darwin_unlock_file(int descriptor) { return -ENOTSUP; }
int darwin_watch(int32_t process, uint64_t signals) { return -ENOTSUP; }
int darwin_next_event(int queue) { return -ENOTSUP; }
int darwin_end_watch(int queue) { return -ENOTSUP; }

#endif
