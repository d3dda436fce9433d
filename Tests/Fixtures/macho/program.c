// A program with every kind of data and reference that compilers for Mach-O make of C.
int puts(const char *);
int answer(int);
extern int imported_word __attribute__((weak_import));

#ifdef NO_THREADS
#define __thread
#endif
__thread int remembered = 4;
static __thread int own;
int shared_common;
const char *words[] = {"alpha", "beta", "a longer string that is merged"};
static int times(int x) { own++; return x * 3; }
int twice(int x) { return times(x) + remembered + shared_common; }
static int (*const table[])(int) = {times, twice, answer};
static int counter = 7;
static int zeroes[100];
double scale(double x) { return x * 2.5; }
int weak_one(int x) __attribute__((weak));
int weak_one(int x) { return x + 1; }
__attribute__((used)) int kept(void) { return 5; }
__attribute__((visibility("hidden"))) int hidden_one = 9;
static const long long distance[2] = {1, 2};
int choose(int x) {
  switch (x) {
    case 0: return puts("none");
    case 1: return puts("one");
    case 2: return times(9);
    case 3: return puts("three");
    case 4: return counter++;
    case 5: return weak_one(x);
    case 6: return (int)distance[x & 1];
  }
  return zeroes[x];
}
int main(int argc, char **argv) {
  static int calls;
  double d = scale(argc);
  if (&imported_word) counter += imported_word;
  return table[argc % 3](counter + calls++ + (int)d) + choose(argc) + (words[argc % 3][0] == 'a') + hidden_one;
}
