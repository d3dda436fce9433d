#!/bin/bash
# What others' tools make of room that the arena has grown by: gdb, core files, perf, and those that read image files.
source "$(dirname "$0")/support/checks.bash"

# Functions of about 1200 bytes, so that the fourth does not fit into the smallest arena any more. `answer` waits in its middle
# for a line of its own, or works for a while.
cat >wide.py <<'P'
import sys
edit = int(sys.argv[1])
print("extern long base[2];\nvolatile long sink;\nvoid inside(int);\nint answer(int why) {")
for line in range(60):
    print(f"  sink = sink * {edit + 3} + {line};")
print("  if (why == 2) for (long turn = 0; turn < 400000000; turn++) sink = turn;")
print(f"  inside(why);\n  return {1000 * edit} + (int)base[0];\n}}\nlong base[2] = {{0}};")
P
cat >main.c <<'C'
#include <stdio.h>
#include <string.h>
int answer(int);
static char line[64];
void inside(int why) {
  if (why == 1) {
    puts("inside");
    fgets(line, sizeof line, stdin);
  }
}
int main(void) {
  setvbuf(stdout, 0, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin)) {
    printf("%d\n", answer(line[0] == 's' ? 1 : line[0] == 'w' ? 2 : 0));
  }
}
C
wide() {
  python3 wide.py "$1" >wide.c
  gcc -O2 -g -ffunction-sections -fno-ipa-ra -c wide.c -o wide.o
}
gcc -O2 -g -c main.c -o main.o
wide 0
gcc -Wl,--build-id main.o wide.o -o wide
hcs 0 init wide --arena 4K
export HCS_JOURNAL=$PWD/wide.hcsj
start ./wide.hot
grown=
for number in 1 2 3 4 5 6; do
  wide "$number"
  hcs 0 record wide.o -m "edit $number" --pid "$pid"
  if grep -q "the arena is full and grows" out.txt; then grown=$number; fi
done
check "the arena has grown before the last update" test "${grown:-6}" -lt 6
hcs 0 symbol answer --json
body=$(python3 -c '
import json
print(next(b["placement"]["address"] for b in json.load(open("out.txt"))["symbols"][0]["bodies"] if b["isCurrent"]))')
# Where the process has the newest body.
place() {
  local start
  start=$(sed -n 's/-.* 00000000 .*wide\.hot$//p' "/proc/$pid/maps" | head -n 1)
  entry=$(printf '0x%x' $((0x$start + body)))
}
place

# A breakpoint in grown room, by address: what gdb says of it, others name.
cat >commands.gdb <<G
break *$entry
shell touch attached
continue
bt 1
x/2i \$pc
stepi
stepi
info symbol \$pc
delete
detach
G
gdb -q -nx -p "$pid" -batch -x commands.gdb >gdb.txt 2>&1 &
debugger=$!
started+=("$debugger")
await test -e attached
ask "ask"
same "the process goes on behind the breakpoint" "$answer" 6000
wait "$debugger"
check "gdb stops at the breakpoint" grep -q "Breakpoint 1, $(printf '0x%016x' "$entry")" gdb.txt
check "and shows the instructions" grep -Eq "=> $entry:.*[a-z]" gdb.txt
"$tool" at --pid "$pid" <gdb.txt >named.txt
check "its lines get names" grep -Eq "0x0*${entry#0x} <answer\+0x0, update 6, wide.c:[0-9]+>" named.txt
hcs 0 verify --pid "$pid"
says "nothing of it stays" "at update 6, as recorded"

# Cores of a process that got the room while it ran, and of one that began with it.
cores() { # NAME PID
  printf 's\n' >&8
  read -r -t 300 -u 9 answer
  same "$1 is inside" "$answer" inside
  gdb -q -nx -batch -p "$2" -ex "gcore $1.core" >/dev/null 2>&1
  ask go
  same "$1 comes out" "$answer" 6000
  hcs 0 at --core "$1.core" "$entry" --json
  json "the core of $1 tells its update, and names" "o['position']['number'] == 6
    and o['addresses'][0]['update'] == 6 and 'answer' in json.dumps(o['addresses'][0])"
  gdb -q -nx -batch -ex "x/3i $entry" -ex bt wide.hot "$1.core" >gdb.txt 2>&1
  check "gdb reads $1's instructions in it" grep -Eq "$entry:.*[a-z]" gdb.txt
  check "and not that it cannot" sh -c '! grep -q "Cannot access memory at" gdb.txt'
  "$tool" at --core "$1.core" <gdb.txt >named.txt
  check "the backtrace of $1 gets names" grep -Eq "#[1-9] +0x[0-9a-f]+ <answer\+0x[0-9a-f]+, update 6, wide.c:[0-9]+>" named.txt
}
hcs 0 replay --image wide.hot
cores running "$pid"
exec 8>&- 9<&-
wait "$pid"
start ./wide.hot
place
cores fresh "$pid"

exec 8>&- 9<&-
wait "$pid"

# Samples in it, where the kernel lets them be taken; without the hard links that perf keeps of images it has seen. Where no address
# is chosen at random, an image that can stand anywhere stands there.
if perf record -N -o none.data -e cpu-clock:u setarch -R true >/dev/null 2>&1; then
  perf record -N -o samples.data -e cpu-clock:u setarch -R ./wide.hot <<<w >perf.txt 2>&1
  check "the program works" grep -qx 6000 perf.txt
  perf script -i samples.data -F ip 2>/dev/null | "$tool" at --slide 0x555555554000 --update 6 >named.txt
  check "samples get names" grep -Eq "<answer\+0x[0-9a-f]+, update 6, wide.c:[0-9]+>" named.txt
fi

# Readers of files: the grown file has what the linked one has, and nothing that they complain of.
for reader in "readelf -aW" "eu-readelf -a" "llvm-readobj --all" "eu-elflint --gnu-ld" "objdump -x" "llvm-objdump -p" "nm" "size -A"; do
  # shellcheck disable=SC2086
  $reader wide >/dev/null 2>linked.txt
  # shellcheck disable=SC2086
  $reader wide.hot >/dev/null 2>grown.txt
  sed -i 's/wide\.hot/wide/g' grown.txt
  check "$reader has nothing new to say" cmp linked.txt grown.txt
done
eu-elflint --gnu-ld wide >linked.txt 2>&1
eu-elflint --gnu-ld wide.hot >grown.txt 2>&1
check "eu-elflint finds no more in it" cmp linked.txt grown.txt
readelf -SW wide.hot >sections.txt
check "the room is a section" test "$(grep -c ' \.hcsj\.code ' sections.txt)" -eq 2
readelf -lW wide.hot >segments.txt
check "and may be executed" grep -Eq "LOAD +0x[0-9a-f]+ +$(printf '0x%016x' $((body & ~0xfff))) .* R E " segments.txt
for reader in objdump llvm-objdump; do
  "$reader" -d --start-address="$body" --stop-address=$((body + 64)) wide.hot >code.txt 2>&1
  check "$reader shows its code" grep -Eq "^ *${body#0x}:.*[a-z]{3}" code.txt
done
hcs 0 rollback --to base --image wide.hot
eu-elflint --gnu-ld wide.hot >grown.txt 2>&1
check "nor once it is back" cmp linked.txt grown.txt
end_checks
