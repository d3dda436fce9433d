// Pointers of every kind that a linker makes fixups for, over several pages, with gaps.
extern int puts(const char *);
extern int printf(const char *, ...);
extern char **environ;
static int one(int x) { return x + 1; }
static int two(int x) { return x * 2; }
int (*table[])(int) = {one, two, one, two};
int counter = 3;
int *counterPointer = &counter;
char ***environment = &environ;
char ***near = &environ + 1;
struct wide { long before; int (*call)(int); long after[3]; } spread[40] = {
    {1, one}, {2, two}, {3, one}, {4, two}, {5, one}, {6, two}, {7, one}, {8, two}};
struct { char room[20000]; int (*call)(int); } far = {{1}, two};
int (*afterFar[20])(const char *, ...) = {printf, printf, printf, 0, printf, 0, 0, printf};
__attribute__((weak)) int weakling(int x) { return x; }
int (*weakPointer)(int) = weakling;
int exported(int i) { return table[i & 3](i) + counter + spread[i & 7].call(i) + far.call(i) + weakPointer(i); }
int exported_too(int i) { return exported(i) + (environment != 0) + (near != 0); }
int main(int argc, char **argv) {
  puts("hello");
  printf("%d %p\n", exported_too(argc), (void *)environ);
  return weakling(argc) + (afterFar[1] != 0) + *counterPointer;
}
