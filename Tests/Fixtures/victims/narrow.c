// A 32-bit program without a C library, which waits for ever.
static const char text[] = "ready\n";

void _start(void) {
  __asm__ volatile("int $0x80" : : "a"(4), "b"(1), "c"(text), "d"(sizeof text - 1) : "memory");
  for (;;) __asm__ volatile("int $0x80" : : "a"(29));
}
