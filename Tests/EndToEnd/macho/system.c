// What an unwinder and a C++ runtime ask of the system, for an emulator that has none: memory, and where an image has its
// unwind sections.

#include <mach-o/loader.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

extern const struct mach_header_64 _mh_execute_header;

struct dyld_unwind_sections {
  const struct mach_header_64 *header;
  const void *frames;
  uintptr_t frames_size;
  const void *compact;
  uintptr_t compact_size;
};

// As dyld does it (MachOLoaded::findSectionContent): by the names of segment and section.
static const void *section(const char *name, uintptr_t *size) {
  const struct load_command *command = (const void *)(&_mh_execute_header + 1);
  uintptr_t slide = 0;
  for (uint32_t i = 0; i < _mh_execute_header.ncmds; i++, command = (const void *)((const char *)command + command->cmdsize)) {
    const struct segment_command_64 *segment = (const void *)command;
    if (command->cmd != LC_SEGMENT_64 || strcmp(segment->segname, "__TEXT")) continue;
    slide = (uintptr_t)&_mh_execute_header - segment->vmaddr;
    const struct section_64 *one = (const void *)(segment + 1);
    for (uint32_t j = 0; j < segment->nsects; j++, one++) {
      if (strncmp(one->sectname, name, 16)) continue;
      *size = one->size;
      return (const void *)(one->addr + slide);
    }
  }
  return 0;
}

int _dyld_find_unwind_sections(void *address, struct dyld_unwind_sections *info) {
  // The arena is 64 MiB, or 1.5 GiB, above the image.
  if ((uintptr_t)address - (uintptr_t)&_mh_execute_header >= 0x80000000) return 0;
  memset(info, 0, sizeof *info);
  info->header = &_mh_execute_header;
  info->frames = section("__eh_frame", &info->frames_size);
  info->compact = section("__unwind_info", &info->compact_size);
  return 1;
}

void _dyld_register_func_for_remove_image(void (*function)(const struct mach_header *, intptr_t)) {}

static char heap[1 << 16] __attribute__((aligned(16)));
static size_t used;

void *malloc(size_t size) {
  void *room = heap + used;
  used += (size + 15) & ~(size_t)15;
  return used <= sizeof heap ? room : 0;
}
// Everything is free after each exception: there is one at a time.
void free(void *room) { used = (size_t)((char *)room - heap); }
void *calloc(size_t count, size_t size) { return memset(malloc(count * size), 0, count * size); }
void *realloc(void *room, size_t size) { return room ? 0 : malloc(size); }
int posix_memalign(void **room, size_t alignment, size_t size) { return !(*room = malloc(size)); }
void *aligned_alloc(size_t alignment, size_t size) { return malloc(size); }

#undef memset
#undef memcpy
#undef memmove
void *memset(void *to, int byte, size_t size) {
  for (volatile char *at = to; size--;) *at++ = (char)byte;
  return to;
}
void *memcpy(void *to, const void *from, size_t size) {
  volatile char *at = to;
  for (const char *byte = from; size--;) *at++ = *byte++;
  return to;
}
void *memmove(void *to, const void *from, size_t size) {
  if (to <= from) return memcpy(to, from, size);
  for (volatile char *at = to; size--;) at[size] = ((const char *)from)[size];
  return to;
}
int strcmp(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *(unsigned char *)a - *(unsigned char *)b;
}
int strncmp(const char *a, const char *b, size_t size) {
  while (size && *a && *a == *b) a++, b++, size--;
  return size ? *(unsigned char *)a - *(unsigned char *)b : 0;
}
size_t strlen(const char *text) {
  size_t size = 0;
  while (text[size]) size++;
  return size;
}

// An exception that nobody catches ends here: the emulator faults.
void abort(void) {
  for (;;) *(volatile int *)8 = 0;
}
void abort_message(const char *format, ...) { abort(); }

// What a runtime would do that is whole.
void (*__cxa_terminate_handler)(void) = abort;
void (*__cxa_unexpected_handler)(void) = abort;
void (*__cxa_new_handler)(void);
