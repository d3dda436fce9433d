#!/bin/bash
# What others do to a process, or have made of it: each situation as it is in the world, each refusal with what to do about it, and
# the process as it was.
source "$(dirname "$0")/support/checks.bash"

cat >main.c <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
int number(int);
static volatile long children, failures, continued;
static void count(int signal) { continued += signal == SIGCONT; }
static void *fork_all_the_time(void *unused) {
  for (;;) {
    int status, answer;
    pid_t child = fork();
    if (child == 0) _exit((answer = number(7)) % 1000 == 7 && answer / 1000 <= 3 ? 42 : 1);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 42 << 8) failures++;
    children++;
  }
  return unused;
}
int main(void) {
  char line[256];
  int asked = 0;
  signal(SIGCONT, count);
  while (fgets(line, sizeof line, stdin)) {
    pthread_t thread;
    if (!strncmp(line, "fork ", 5)) {
      /* A child that answers on by itself, into a file. */
      line[strcspn(line, "\n")] = 0;
      pid_t child = fork();
      while (child == 0) {
        FILE *file = fopen("answer.new", "w");
        fprintf(file, "%d\n", number(0));
        fclose(file);
        rename("answer.new", line + 5);
        usleep(5000);
      }
      printf("%d\n", child);
    } else if (!strncmp(line, "storm", 5)) {
      printf("%d\n", pthread_create(&thread, 0, fork_all_the_time, 0));
    } else if (!strncmp(line, "filter", 6)) {
      struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
      struct sock_fprog program = {1, all};
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
      printf("%d\n", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    } else if (!strncmp(line, "told", 4)) {
      printf("%s %ld %s\n", children ? "children" : "none", failures, continued ? "continued" : "not continued");
    } else {
      printf("%d\n", number(++asked));
    }
    fflush(stdout);
  }
}
C
cat >work.c <<'C'
/* Long enough for a jump to a new body. */
__attribute__((noinline)) int number(int asked) {
  __asm__ volatile("nop; nop; nop; nop; nop; nop; nop; nop" : "+r"(asked));
  return asked + EDIT * 1000;
}
C
flags=(-O2 -g -ffunction-sections -fno-ipa-ra -pthread)
gcc "${flags[@]}" -c main.c -o main.o
for edit in 0 1 2 3; do
  gcc "${flags[@]}" -DEDIT=$edit -c work.c -o work.o
  if [ "$edit" = 0 ]; then
    gcc -pthread -Wl,--build-id main.o work.o -o hands
    hcs 0 init hands
  else
    hcs 0 record work.o -m "edit $edit"
  fi
done
address=$("$tool" show 1 --json | python3 -c '
import json, sys
print(int(next(a["before"]["address"] for a in json.load(sys.stdin)["atoms"] if a["atom"]["name"] == "number"), 16))')

# finish: the process of this situation is done with.
finish() {
  exec 8>&- 9<&-
  { kill -9 "$pid" && wait "$pid"; } 2>/dev/null
}
# first_child PID: in $child, as soon as there is one.
first_child() {
  await has_child "$1" || bad "a child of $1" "there is none"
}
has_child() {
  child=$(ps -o pid= --ppid "$1" | head -n 1 | tr -d ' ')
  [ -n "$child" ]
}
# body OFFSET BYTES: writes hexadecimal bytes into the function, as another tool would; without bytes, prints what is there.
body() { python3 - "$pid" "$address" "$@" <<'P'
import sys
pid, address = sys.argv[1], int(sys.argv[2])
start = min(int(line.split("-")[0], 16) for line in open(f"/proc/{pid}/maps") if line.rstrip().endswith("hands.hot"))
with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
    memory.seek(start + address + int(sys.argv[3]))
    if len(sys.argv) > 4:
        memory.write(bytes.fromhex(sys.argv[4]))
    else:
        print(memory.read(8).hex())
P
}
# In namespaces of its own; without privileges, as root of a user namespace.
spaces=(unshare)
[ "$(id -u)" = 0 ] || spaces=(unshare --map-root-user)

# Another mount namespace, with another root, in which the image has another path.
mkdir -p root
cp hands.hot root/renamed
ldd hands.hot | grep -o '/[^ ]*' | while read -r library; do mkdir -p "root$(dirname "$library")"; cp "$library" "root$library"; done
rm -f to from; mkfifo to from
"${spaces[@]}" --mount chroot "$work/root" /renamed <to >from & pid=$!
started+=("$pid"); exec 8>to 9<from
ask ask
same "a process under another root runs" "$answer" 1
hcs 0 replay --pid "$pid"
ask ask
same "and is updated by what it has in memory, whatever the path" "$answer" 3002
hcs 0 targets --json
json "it is known" "any(t['pid'] == $pid and t['position']['number'] == 3 for t in o['targets'])"
hcs 0 rollback --to 0 --all
ask ask
same "back" "$answer" 3
finish

# Another pid namespace: its number there is another one than here.
rm -f to from; mkfifo to from
"${spaces[@]}" --pid --fork ./hands.hot <to >from & outer=$!
started+=("$outer"); exec 8>to 9<from
ask ask
first_child "$outer"
same "its number in its own namespace" "$(awk '/^NSpid/ { print $NF }' "/proc/$child/status")" 1
hcs 0 replay --pid "$child"
ask ask
same "a process of another pid namespace, the first there" "$answer" 3002
hcs 0 rollback --to 0 --pid "$child" --atomic
ask ask
same "back, held by a signal that the first of a namespace cannot ignore" "$answer" 3
pid=$outer; kill -9 "$child"; finish

# The tool in a pid namespace of which /proc does not tell: numbers there are of other processes than those that it would trace.
start ./hands.hot
check "told apart" "${spaces[@]}" --pid --fork bash -c "'$tool' replay --pid $pid 2>err.txt; [ \$? = 1 ]"
err=$(cat err.txt)
complains "a foreign /proc is refused" "/proc .*another pid namespace.*mount -t proc"
ask ask
same "the process is as it was" "$answer" 1

# A debugger holds it.
gdb -q -nx -p "$pid" -batch -ex 'shell touch attached; sleep 600' >gdb.txt 2>&1 & debugger=$!
started+=("$debugger")
await [ -e attached ]
hcs 1 replay --pid "$pid"
complains "who traces it" "already traced by process $debugger;.*end the debugger"
hcs 0 targets
{ pkill -9 -P "$debugger"; kill -9 "$debugger"; wait "$debugger"; } 2>/dev/null
ask ask
same "it goes on once the debugger has gone" "$answer" 2

# A debugger that was killed has left a breakpoint where an update writes.
found=$(body 0)
rm -f attached
mkfifo commands
gdb -q -nx -p "$pid" <commands >gdb.txt 2>&1 & debugger=$!
started+=("$debugger")
exec 7>commands
printf '%s\n' 'set pagination off' 'break *number' 'continue&' 'shell touch attached' >&7
has_breakpoint() { [ -e attached ] && [ "$(body 0)" != "$found" ]; }
await has_breakpoint
{ kill -9 "$debugger"; wait "$debugger"; } 2>/dev/null
exec 7>&-
same "the breakpoint stands there" "$(body 0 | cut -c 1-2)" cc
hcs 1 replay --pid "$pid"
complains "a breakpoint" "a debugger's breakpoint stands where the update writes.*cc.*untouched; remove the breakpoint"
body 0 "${found:0:2}"
ask ask
same "nothing was written" "$answer" 3

# Another tool's hook: a jump, to where it would have its own code.
body 0 e900001000
hcs 1 replay --pid "$pid"
complains "a hook" "another tool's jump stands where the update writes.*untouched; let the tool"
body 0 "${found:0:10}"
hcs 0 replay --pid "$pid"
ask ask
same "without it" "$answer" 3004

# The image has been removed meanwhile, and another one stands at its path.
cp hands.hot hands.kept && rm hands.hot && cp /bin/true hands.hot
hcs 0 rollback --pid "$pid" --to 1
ask ask
same "a process goes by what it has in memory" "$answer" 1005
mv hands.kept hands.hot

# Its child is a target of its own, at the update at which the two parted.
ask "fork $work/child.txt"
forked=$answer
started+=("$forked")
child_says() { [ "$(cat child.txt)" = "$1" ]; }
check "the child runs what its parent ran" await child_says 1000
hcs 0 replay --pid "$pid" --to 2
sleep 0.1
same "an update of the parent is none of the child's" "$(cat child.txt)" 1000
hcs 0 replay --pid "$forked" --json
json "the child stands where it was forked" "o['targets'][0]['from']['number'] == 1 and o['targets'][0]['to']['number'] == 3"
check "the child at its own update" await child_says 3000
ask ask
same "the parent at its own" "$answer" 2006
kill -9 "$forked"

# Children without end, and SIGCONTs, while it is updated.
ask storm
(while kill -CONT "$pid" 2>/dev/null; do sleep 0.001; done) & storm=$!
started+=("$storm")
for _ in 1 2 3 4 5; do
  hcs 0 rollback --pid "$pid" --to 0
  hcs 0 replay --pid "$pid" --to 1
  hcs 0 replay --pid "$pid" --to 2 --atomic
done
{ kill "$storm"; wait "$storm"; } 2>/dev/null
ask told
same "no child was hurt, none lost, and every SIGCONT came through" "$answer" "children 0 continued"
same "it is not stopped" "$(awk '/^State/ { print $2 == "T" }' "/proc/$pid/status")" 0

# Stopped by somebody else: it stays so.
kill -STOP "$pid"
await is_in_state "$pid" T
hcs 0 replay --pid "$pid" --atomic
same "a stopped process stays stopped through an update" "$(awk '/^State/ { print $2 }' "/proc/$pid/status")" T
kill -CONT "$pid"
ask ask
same "and goes on with it" "$answer" 3007
finish

# Somebody else's process.
if [ "$(id -u)" = 0 ]; then
  start ./hands.hot
  mkdir theirs && cp hands.hcsj theirs/ && chmod 755 "$work" && chown -R 65534 theirs
  cp "$tool" theirs/tool
  status=0
  err=$(setpriv --reuid 65534 --regid 65534 --clear-groups theirs/tool replay -j theirs/hands.hcsj --pid "$pid" 2>&1) || status=$?
  same "status where the process is another user's" "$status" 1
  complains "whose it is, and what to do" "belongs to user 0, this program runs as user 65534.*try as the process's user or root"
  ask ask
  same "it is left alone" "$answer" 1
  finish
fi

# A filter of system calls, where memory has to be mapped, and where none has to.
start ./hands
ask filter
hcs 1 replay --pid "$pid"
complains "a filter" "filters its system calls \(seccomp\).*untouched; start the prepared image"
ask ask
same "it is not touched" "$answer" 1
finish
start ./hands.hot
ask filter
hcs 0 replay --pid "$pid"
ask ask
same "the prepared image needs no call made in it" "$answer" 3001
finish

# Ended, and not waited for; ended, and gone; a number that is a thread's.
bash -c '{ sleep 0.5; exec ./hands.hot; } </dev/null >/dev/null & exec sleep 100' & pid=$!
started+=("$pid")
first_child "$pid"
await is_in_state "$child" Z
hcs 1 replay --pid "$child"
complains "a zombie" "has ended and waits for its parent.*hcs-journal run"
{ kill "$pid"; wait "$pid"; } 2>/dev/null
hcs 1 replay --pid "$pid"
complains "a process that has gone" "no such process.*hcs-journal run"
start ./hands.hot
ask storm
has_thread() {
  thread=$(ls "/proc/$pid/task" | grep -v "^$pid\$" | head -n 1)
  [ -n "$thread" ]
}
await has_thread
hcs 1 replay --pid "$thread"
complains "a thread's number" "$thread is a thread of process $pid"
finish

# A 32-bit program: pause(2) for ever.
python3 - <<'P'
import struct
code = bytes.fromhex("b81d000000" "cd80" "ebf7")
header = b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, 0x8048054, 52, 0, 0, 52, 32, 1, 0, 0, 0)
segment = struct.pack("<IIIIIIII", 1, 0, 0x8048000, 0x8048000, 84 + len(code), 84 + len(code), 5, 4096)
open("narrow", "wb").write(header + segment + code)
P
chmod +x narrow
./narrow & pid=$!
started+=("$pid")
is_tried() { is_gone "$pid" || [ "$(readlink "/proc/$pid/exe")" = "$work/narrow" ]; }
await is_tried
if kill -0 "$pid" 2>/dev/null; then
  hcs 1 replay --pid "$pid"
  complains "a 32-bit process" "not a 64-bit one.*build the program for x86-64"
  { kill -9 "$pid"; wait "$pid"; } 2>/dev/null
else
  echo "this kernel runs no 32-bit programs: not tried"
fi

end_checks
