// What compilers make relocations for, in one program: calls, data, constants, tables, thread-local storage.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int other_counter;
extern int other_table[8];
extern const char *const other_names[];
extern __thread int other_thread;
extern __thread int other_initial __attribute__((tls_model("initial-exec")));
int other_add(int a, int b);
double other_scale(double x);
int other_touch(void);
extern int not_there(int) __attribute__((weak));
extern int weak_datum __attribute__((weak));

struct record {
  int key;
  const char *name;
  int (*call)(int, int);
};

int counter = 3;
static int hidden = 5;
int zeroes[64];
volatile short narrow;
__thread int thread_a = 11;
static __thread int thread_b = 13;
static __thread int thread_c;
static __thread char thread_buffer[100];

static int sub(int a, int b) { return a - b; }
static int mul(int a, int b) { return a * b; }
const struct record records[] = {{1, "add", other_add}, {2, "sub", sub}, {3, "mul", mul}};
const struct record *cursor = &records[1];
int (*const operations[])(int, int) = {other_add, sub, mul};

__attribute__((noinline)) int table_switch(int n) {
  switch (n) {
  case 0: return counter;
  case 1: return hidden * 3;
  case 2: return other_counter + 7;
  case 3: return (int)strlen("three");
  case 4: return zeroes[3] + 1;
  case 5: return other_table[2];
  case 6: return records[1].key;
  case 7: return 99;
  default: return -n;
  }
}

__attribute__((noinline)) int labels(int n) {
  static const void *const where[] = {&&a, &&b, &&c, &&end};
  int sum = 0;
  goto *where[n & 3];
a: sum += 1;
b: sum += hidden;
c: sum += counter;
end: return sum;
}

__attribute__((noinline)) double floats(double x, float y) {
  return x * 3.25 + (double)(y * 1.5f) + other_scale(x + 0.1) + (x > 2.0 ? 1e9 : -1e-9);
}

__attribute__((noinline)) int immediates(void) {
  counter = 1000;
  hidden += 17;
  narrow = 300;
  zeroes[5] = 0x12345678;
  return counter == 1000 ? hidden > 4 : narrow & 8;
}

__attribute__((noinline)) int threads(int n) {
  thread_a += n;
  thread_b -= n;
  thread_c ^= thread_a;
  thread_buffer[n & 31] = (char)n;
  other_thread += thread_b;
  other_initial += 2;
  return thread_a + thread_b + thread_c + other_thread + other_initial + thread_buffer[n & 31];
}

__attribute__((noinline)) int *thread_address(int which) {
  return which == 0 ? &thread_a : which == 1 ? &thread_b : which == 2 ? &other_thread : &other_initial;
}

__attribute__((noinline)) int locals_of_threads(void) { return thread_b + thread_c + (int)sizeof thread_buffer; }

__attribute__((noinline)) int pointers(int n) {
  int (*f)(int, int) = n ? other_add : sub;
  int (*g)(int, int) = operations[n % 3];
  const struct record *r = n > 1 ? cursor : &records[0];
  return f(n, 2) + g(n, 3) + r->call(n, 4) + (f == other_add);
}

__attribute__((noinline)) int weak(void) {
  int n = not_there ? not_there(4) : 1;
  return n + (&weak_datum ? weak_datum : 2);
}

__attribute__((noinline)) int variadic(const char *format, ...) {
  char buffer[128];
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  fputs(buffer, stdout);
  return n;
}

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

__attribute__((noinline)) int sorted(void) {
  int values[] = {5, 3, 9, 1, other_counter & 7};
  qsort(values, 5, sizeof *values, compare);
  return values[0] * 100 + values[4];
}

static jmp_buf back;
__attribute__((noinline)) static void leave(int n) { longjmp(back, n); }
__attribute__((noinline)) int jumps(void) {
  int n = setjmp(back);
  if (n == 0) leave(6);
  return n;
}

__attribute__((noinline)) int tail(int n) { return n ? other_add(n, 1) : other_touch(); }

__attribute__((noinline)) int loop(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) sum += other_table[i & 7] * (i ^ hidden);
  return sum;
}

int main(int argc, char **argv) {
  (void)argv;
  for (int i = 0; i < 10; i++) printf("%d %d %d;", table_switch(i), labels(i), pointers(i));
  printf("\n%.6f %d %d %d\n", floats(argc + 1.5, 2.5f), immediates(), sorted(), jumps());
  for (int i = 0; i < 5; i++) printf("%d %d %d;", threads(i), *thread_address(i & 3), locals_of_threads());
  printf("\n%d %d %d %d\n", weak(), tail(0), tail(3), loop(20));
  variadic("%s %d %s %.2f\n", "text", other_touch(), other_names[1], 2.5);
  return counter & 0x7f;
}
