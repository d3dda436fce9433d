// Threads whose registers, vector ones included, must stay what they are; `broken` counts when not.
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "victim.h"

long broken;
long loops;
long interruptions;

__attribute__((noinline)) static long step(void) {
  long bad = 0;
  // Fills and checks xmm, general registers and the red zone across a stretch long enough to be stopped in.
  __asm__ volatile(
      "movq $0x1234567, %%rbx; movq %%rbx, %%xmm0; movq %%rbx, %%xmm15; movq %%rbx, -8(%%rsp); movq %%rbx, -120(%%rsp)\n"
      "mov $20000, %%ecx; 1: dec %%ecx; jnz 1b\n"
      "movq %%xmm0, %%rax; cmp %%rax, %%rbx; jne 2f; movq %%xmm15, %%rax; cmp %%rax, %%rbx; jne 2f\n"
      "cmp -8(%%rsp), %%rbx; jne 2f; cmp -120(%%rsp), %%rbx; jne 2f; cmp $0x1234567, %%rbx; je 3f\n"
      "2: mov $1, %0\n3:"
      : "+r"(bad)
      :
      : "rax", "rbx", "rcx", "xmm0", "xmm15", "memory", "cc");
  return bad;
}

int main(void) {
  victim_begin();
  printf("broken %p\nloops %p\ninterruptions %p\nready\n", (void *)&broken, (void *)&loops, (void *)&interruptions);
  fflush(stdout);
  for (;;) {
    broken += step();
    loops++;
  }
}
