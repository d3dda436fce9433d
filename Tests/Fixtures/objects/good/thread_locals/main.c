//# about: thread-local variables of the image in every model
//# edits: 2
//# build: gcc clang | -O2 -ffunction-sections -fPIE | -pie
//# build: gcc clang | -O2 -ffunction-sections -fno-pie | -no-pie
//# build: gcc clang | -O2 -fPIC | -pie
//# build: gcc clang | -O2 -fPIC -fno-plt | -pie -fuse-ld=lld
//# build: gcc clang | -O0 -fPIC | -no-pie -fuse-ld=gold
//# build: gcc | -O2 -fPIC -mtls-dialect=gnu2 | -pie
//# build: gcc clang | -O2 -fPIC -ftls-model=local-dynamic | -pie
//# build: gcc clang | -O2 -fPIC -ftls-model=initial-exec | -pie -fuse-ld=mold
//# build: gcc clang | -O2 -fPIC -fno-plt | -pie -fuse-ld=mold
//# build: gcc clang | -O2 -fPIC -ftls-model=local-dynamic | -pie -fuse-ld=mold -Wl,--no-relax
//# build: gcc | -O2 -fPIC | -pie -fuse-ld=lld -Wl,--no-relax
//# build: arm64-gcc | -O2 -ffunction-sections -fdata-sections -fPIC -mtls-dialect=trad | -pie
//# build: arm64-gcc | -O0 -ffunction-sections -fdata-sections -fpic -mtls-dialect=trad | -pie -fuse-ld=gold
//# build: arm64-gcc | -O2 -ffunction-sections -fdata-sections -fpic -mtls-dialect=trad | -static
//# output 0: 6 8 10 30 1 0
//# output 1: 7 9 11 31 2 0
//# output 2: 8 10 12 32 3 40
#include <pthread.h>
#include <stdio.h>
extern __thread int shared;
extern int next_shared(void);
__thread int global = 5;
static __thread int local = 7;
static __thread char padding[100];
static __thread long last = 9;
__attribute__((noinline)) static int next_global(void) { return global += 1 + EDIT; }
__attribute__((noinline)) static int next_local(void) { return local += 1 + EDIT; }
__attribute__((noinline)) static long next_both(void) {
  padding[0] += 1;
  return last += 1 + EDIT;
}
__attribute__((noinline)) static int far(void) { return shared + EDIT; }
#if EDIT >= 2
static __attribute__((noinline)) int *address(void) { return &shared; }
#endif
static void *thread(void *unused) {
  int first = padding[0];
  int a = next_global(), b = next_local();
  long c = next_both();
  shared = 30;
  int d = far();
  printf("%d %d %ld %d %d", a, b, c, d, first + 1 + EDIT);
#if EDIT >= 2
  *address() = 40;
  printf(" %d\n", shared);
#else
  printf(" 0\n");
#endif
  return unused;
}
int main(void) {
  pthread_t id;
  next_both();
  pthread_create(&id, 0, thread, 0);
  pthread_join(id, 0);
  return 0;
}
