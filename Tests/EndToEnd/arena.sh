#!/bin/bash
# The arena: how much room there is, and what is said when it is full.
source "$(dirname "$0")/support/checks.bash"
build_program

# Functions of about 1200 bytes each, so that some updates fill the smallest arena.
cat >wide.py <<'P'
import sys
edit = int(sys.argv[1])
print("extern long base[2];\nvolatile long sink;\nint answer(void) {")
for line in range(60):
    print(f"  sink = sink * {edit + 3} + {line};")
print(f"  return {1000 * edit} + (int)base[0];\n}}\nlong base[2] = {{0}};")
P
wide() {
  python3 wide.py "$1" >wide.c
  gcc -O2 -g -ffunction-sections -fno-ipa-ra -c wide.c -o wide.o
}
wide 0
gcc -Wl,--build-id program.o wide.o -o wide

hcs 64 init wide --arena 1
hcs 64 init wide --arena 1G
hcs 64 init wide --arena lots
hcs 0 init wide --arena 4K
export HCS_JOURNAL=$PWD/wide.hcsj
start ./wide.hot
ask ask
same "the image" "$answer" "1 0"

number=0
status=0
while [ "$number" -lt 9 ]; do
  wide $((number + 1))
  "$tool" record wide.o -m "edit $((number + 1))" --pid "$pid" --image wide.hot >out.txt 2>err.txt
  status=$?
  [ "$status" -eq 0 ] || break
  number=$((number + 1))
done
err=$(cat err.txt)
same "the full arena ends it" "$status" 1
check "some updates had room" test "$number" -ge 2
complains "what is full" "arena is full"
complains "and what to do" "init --arena SIZE"
hcs 1 record wide.o --dry-run
complains "the dry run gives the same answer" "arena is full"
hcs 0 verify --pid "$pid" --image wide.hot --json
json "journal, process and file are whole, at the last update that had room" \
  "o['journal']['sound'] and o['journal']['updateCount'] == $number
   and [t['position']['number'] for t in o['targets']] == [$number, $number]"
ask ask
same "the process runs it" "$answer" "2 $((1000 * number))"
hcs 0 rollback --to base --pid "$pid"
hcs 0 replay --pid "$pid"
ask ask
same "and goes to and fro" "$answer" "3 $((1000 * number))"
exec 8>&- 9<&-
wait "$pid"

# The way that was named: the same image with more room takes the update.
mkdir more
cp wide more/
unset HCS_JOURNAL
hcs 0 -j more/wide.hcsj init more/wide --arena 64K
hcs 0 -j more/wide.hcsj record wide.o --image more/wide.hot
says "recorded with more room" "recorded update 1"
end_checks
