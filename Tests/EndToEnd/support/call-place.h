/*
 * Where in a program a system call is made: a number for the call and for each function of the program that is on the thread's stack,
 * with the place in it. It is the same in every run, wherever the program and its libraries are mapped.
 *
 * Swift and Clang at -O0 keep frame pointers (System V psABI for x86-64, 3.2.2); the libraries between them and the kernel may not.
 * So the stack is searched for the first word that begins a chain of frames, each of which returns to code. Frames of libraries are
 * passed over: two calls that a library makes for one call of the program's count as one place.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <unistd.h>

enum { MOST_RANGES = 512, MOST_FRAMES = 96, STACK_BYTES = 256 << 10, SHORTEST_CHAIN = 3, NEAR_BYTES = 512 };

struct code_range {
  uint64_t start, end;
};

/* The program's code, and all code: read once it has been executed and loaded. */
static struct {
  int memory;
  uint64_t base;
  struct code_range own, all[MOST_RANGES];
  int count;
} code = {.memory = -1};

enum { NUMBER_SHIFT = 52 };
struct place {
  /* The call's number in the uppermost 12 bits. */
  uint64_t hash;
  int depth;
  /* From the innermost: offsets in the program. */
  uint64_t frames[MOST_FRAMES];
};

static int read_code(pid_t process) {
  char path[64], line[4600], own[4096] = "";
  snprintf(path, sizeof path, "/proc/%d/exe", process);
  ssize_t length = readlink(path, own, sizeof own - 1);
  if (length < 0) return 0;
  snprintf(path, sizeof path, "/proc/%d/mem", process);
  code.memory = open(path, O_RDONLY | O_CLOEXEC);
  snprintf(path, sizeof path, "/proc/%d/maps", process);
  FILE *maps = fopen(path, "r");
  if (!maps || code.memory < 0) return 0;
  while (fgets(line, sizeof line, maps)) {
    uint64_t start, end;
    char access[8], name[4096] = "";
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %*s %4095[^\n]", &start, &end, access, name) < 3) continue;
    int is_own = !strcmp(name, own);
    if (is_own && !code.base) code.base = start;
    if (access[2] != 'x' || code.count == MOST_RANGES) continue;
    code.all[code.count++] = (struct code_range){start, end};
    if (is_own) code.own = (struct code_range){start, end};
  }
  fclose(maps);
  return code.own.end != 0;
}

static int is_own_code(uint64_t address) { return address >= code.own.start && address < code.own.end; }

static int is_code(uint64_t address) {
  for (int i = 0; i < code.count; i++)
    if (address >= code.all[i].start && address < code.all[i].end) return 1;
  return 0;
}

/* Whether a call instruction may stand before it: `call rel32`, or `call` through a register or memory (FF /2). */
static int follows_call(uint64_t address) {
  uint8_t bytes[7];
  if (pread(code.memory, bytes, sizeof bytes, (off_t)(address - sizeof bytes)) != sizeof bytes) return 0;
  if (bytes[2] == 0xe8) return 1;
  for (int length = 2; length <= 7; length++)
    if (bytes[7 - length] == 0xff && (bytes[8 - length] >> 3 & 7) == 2) return 1;
  return 0;
}

/* A stack from its top of `count` words on. */
struct stack {
  uint64_t start;
  size_t count;
  const uint64_t *words;
};

/* The index of the word that the frame pointer stands at, or SIZE_MAX. */
static size_t frame_index(const struct stack *stack, uint64_t pointer) {
  if (pointer % 8 || pointer < stack->start) return SIZE_MAX;
  size_t index = (pointer - stack->start) / 8;
  return index + 1 < stack->count ? index : SIZE_MAX;
}

static int is_chain(const struct stack *stack, uint64_t pointer) {
  for (int i = 0; i < SHORTEST_CHAIN; i++) {
    size_t index = frame_index(stack, pointer);
    if (index == SIZE_MAX || !is_code(stack->words[index + 1])) return 0;
    uint64_t next = stack->words[index];
    if (next <= pointer) return i > 0 && next == 0;
    pointer = next;
  }
  return 1;
}

static uint64_t mixed(uint64_t hash, uint64_t word) {
  uint64_t mask = ((uint64_t)1 << NUMBER_SHIFT) - 1;
  return (hash & ~mask) | (((hash ^ word) * 0x100000001b3) & mask);
}

static void add_frame(struct place *place, uint64_t address) {
  if (place->depth == MOST_FRAMES) return;
  uint64_t offset = address - code.base;
  place->frames[place->depth++] = offset;
  place->hash = mixed(place->hash, offset);
}

/* Calls that an allocator or a lock makes when it happens to need something: one place each, wherever that is. */
static int may_come_anywhere(long number) {
  switch (number) {
    case SYS_brk:
    case SYS_mmap:
    case SYS_munmap:
    case SYS_mremap:
    case SYS_madvise:
    case SYS_futex: return 1;
    default: return 0;
  }
}

/* The call that the thread is about to make; `kind` tells requests of ptrace(2) apart. The process is the one whose code was read. */
static struct place place_of(pid_t process, pid_t thread, long number, uint64_t kind) {
  static uint64_t words[STACK_BYTES / 8];
  struct place place = {.hash = mixed((uint64_t)number << NUMBER_SHIFT, kind)};
  struct user_regs_struct registers;
  if (may_come_anywhere(number)) return place;
  if (code.memory < 0 && !read_code(process)) return place;
  if (ptrace(PTRACE_GETREGS, thread, 0, &registers)) return place;
  /* Up to the end of the stack, which may come sooner. */
  ssize_t bytes = pread(code.memory, words, sizeof words, (off_t)registers.rsp);
  if (bytes < 16) return place;
  struct stack stack = {registers.rsp, (size_t)bytes / 8, words};
  uint64_t frame = registers.rbp;
  if (!is_chain(&stack, frame)) {
    size_t index = 0;
    while (index < stack.count && !is_chain(&stack, stack.start + 8 * index)) index++;
    frame = stack.start + 8 * index;
  }
  /* What called the library is the first of the program's own below its frame. */
  for (size_t index = 0; index < stack.count && index < NEAR_BYTES / 8; index++) {
    if (stack.start + 8 * index >= frame) break;
    if (!is_own_code(words[index]) || !follows_call(words[index])) continue;
    add_frame(&place, words[index]);
    break;
  }
  for (size_t index = frame_index(&stack, frame); index != SIZE_MAX; index = frame_index(&stack, frame)) {
    if (is_own_code(words[index + 1])) add_frame(&place, words[index + 1]);
    if (words[index] <= frame) break;
    frame = words[index];
  }
  return place;
}
