#!/bin/bash
# Who stands still for an update, and how many at once: nobody but one thread after the other where cells alone change, everybody
# where code is overwritten or --atomic asks for it. Whoever goes on in an old body is named in any case.
source "$(dirname "$0")/support/checks.bash"

flags="-O2 -g -ffunction-sections -fno-ipa-ra -pthread"
cat >main.c <<'C'
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
void *work(void *);
int number(int);
static pthread_t threads[64];
int main(void) {
  char line[64];
  int count = 0, asked = 0;
  while (fgets(line, sizeof line, stdin)) {
    if (!strncmp(line, "start", 5)) {
      pthread_create(&threads[count], 0, work, 0);
      pthread_setname_np(threads[count++], "worker");
    }
    printf("%d %d\n", number(asked++), count);
    fflush(stdout);
  }
}
C
cat >work.c <<'C'
#include <unistd.h>
volatile long rounds;
__attribute__((noinline)) int number(int asked) { return asked + EDIT * 1000; }
/* Never returns: whoever is in it stays in the body that it has entered. */
void *work(void *argument) {
  for (;;) {
    rounds += EDIT + 1;
    usleep(300 + 10 * EDIT);
  }
  return argument;
}
C
# shellcheck disable=SC2086
compile() { gcc $flags -DEDIT="$1" -c work.c -o work.o; }
# shellcheck disable=SC2086
{ compile 0 && gcc $flags -c main.c -o main.o && gcc -pthread -Wl,--build-id main.o work.o -o served; }
hcs 0 init served
for edit in 1 2 3; do
  compile "$edit"
  hcs 0 record work.o -m "edit $edit"
done

# traced STATUS WORDS…: like hcs; $most is how many threads stood still at once, $interrupts how often one was stopped.
traced() {
  local wanted=$1 status=0
  shift
  strace -f -qq -e trace=ptrace -o trace "$tool" "$@" >out.txt 2>err.txt </dev/null || status=$?
  out=$(cat out.txt)
  err=$(cat err.txt)
  same "status of $*" "$status" "$wanted"
  read -r most interrupts < <(python3 - <<'P'
import re
held, most, interrupts = set(), 0, 0
for line in open("trace"):
    found = re.search(r"ptrace\(PTRACE_(\w+), (\d+)", line)
    if not found:
        continue
    request, thread = found.groups()
    if request == "INTERRUPT":
        held.add(thread)
        interrupts += 1
    elif request in ("CONT", "DETACH", "LISTEN"):
        held.discard(thread)
    most = max(most, len(held))
print(most, interrupts)
P
  )
}

start ./served.hot
hcs 0 replay --pid "$pid" --to 1
for _ in 1 2 3 4 5 6 7; do ask start; done
same "seven threads in update 1's body" "$answer" "1006 7"

hcs 0 replay --pid "$pid" --to 2 --dry-run --json
json "what is planned" "o['targets'][0]['stopsThreads'] is False"
traced 0 replay --pid "$pid" --to 2 --json
same "cells alone: never two threads at once" "$most" 1
check "and yet each thread is looked at" test "$interrupts" -ge 8
json "every thread that stays in the old body is named, with the update that it is of" \
  "[(t['threadName'], t['function'], t['update']) for t in o['targets'][0]['threadsInOldBodies']] == [('worker', 'work', 1)] * 7"
json "nothing stood still, nobody was passed over" \
  "'pauseNanoseconds' not in o['targets'][0] and o['targets'][0]['unseenThreads'] == []
   and o['targets'][0]['stopsThreads'] is False"
ask ask
same "the new code runs" "$answer" "2007 7"
traced 0 targets --json
same "targets: never two threads at once" "$most" 1
json "targets names them as well" "len(o['targets'][0]['threadsInOldBodies']) == 7"
traced 0 rollback --pid "$pid"
same "back: never two threads at once" "$most" 1
if grep -q 'still in an old body' <<<"$out"; then bad "at update 1 nobody is in an old body" "$out"; else good; fi

traced 0 replay --pid "$pid" --to 2 --atomic --json
same "--atomic: all threads at once" "$most" 8
json "and it says so" "o['targets'][0]['pauseNanoseconds'] > 0 and o['targets'][0]['stopsThreads'] is True"
json "the old bodies are told all the same" "len(o['targets'][0]['threadsInOldBodies']) == 7"
hcs 0 rollback --pid "$pid" --atomic --dry-run
says "a dry run with --atomic" "all threads would stand still"
traced 0 rollback --pid "$pid" --to 1 --atomic
same "back with --atomic: all threads at once" "$most" 8
says "told in words" "threads stood still for"
traced 0 rollback --pid "$pid" --to 0
same "what takes an entry stub away stops everybody" "$most" 8
says "who goes on in update 1's body" "worker.* in work.*update 1's"
compile 4
traced 0 record work.o -m "atomic" --onto 1 --pid "$pid" --atomic
same "record --atomic" "$most" 8
ask ask
same "it runs update 4" "$answer" "4008 7"

exec 8>&- 9<&-
end_checks
