// How every victim begins.
#include <signal.h>
#include <unistd.h>

static inline void victim_begin(void) {
  // Whoever started us may block signals: libdispatch's workers do.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  // A test that was killed must not leave us behind.
  alarm(300);
}
