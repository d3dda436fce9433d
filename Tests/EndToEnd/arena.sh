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
hcs 64 init wide --arena 4K --growth 1
hcs 64 init wide --arena 4K --growth some
hcs 0 init wide --arena 4K --growth 0
says "init tells what there is" "room for 4K of code, and does not grow"
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

hcs 0 log
says "the log tells what is nearly full" "note: bytes of code: [0-9]+ of 4096 are used"
hcs 0 log --json
json "and by numbers" "[r['isLow'] for r in o['arena'] if r['part'] == 'code'] == [True]
   and [r['isLow'] for r in o['arena'] if r['part'] == 'cells'] == [False]"

# Whatever else runs out is refused by name as well, by the dry run too, and leaves everything as it was: edits that bring a string, a
# variable, functions, or pointers that the loader relocates.
cat >parts.py <<'P'
import sys
part, edit = sys.argv[1], int(sys.argv[2])
print("extern long base[2];")
lines = [f"long sum = {1000 * edit} + base[0];"]
if part == "constants" and edit:
    print("const char *volatile name;")
    lines.append(f'name = "{"x" * 700}{edit}";')
for index in range(edit):
    if part == "data":
        print(f"long table{index}[100] = {{ {index + 1} }};")
        lines.append(f"sum += table{index}[0] - {index + 1};")
    if part == "pointers":
        print(f"const void *volatile list{index}[6] = {{ base, base + 1, base, base + 1, base, base + 1 }};")
        lines.append(f"sum += list{index}[0] == list{index}[1];")
    if part == "functions":
        for number in range(4 * index, 4 * index + 4):
            print(f"__attribute__((noinline, used)) long f{number}(long x) {{ return x + {number}; }}")
            lines.append(f"sum += f{number}(0) - {number};")
print("int answer(void) {\n", "\n".join(lines), "\nreturn (int)sum;\n}\nlong base[2] = {0};")
P
part() {
  python3 parts.py "$1" "$2" >part.c
  gcc -O2 -g -ffunction-sections -fdata-sections -fno-ipa-ra -c part.c -o part.o
}
unset HCS_JOURNAL
while read -r name full; do
  mkdir "$name"
  part "$name" 0
  gcc -Wl,--build-id program.o part.o -o "$name/program"
  hcs 0 -j "$name/journal" init "$name/program" --arena 4K --growth 0
  for ((number = 1; number < 12; number++)); do
    part "$name" "$number"
    "$tool" -j "$name/journal" record part.o --image "$name/program.hot" >out.txt 2>err.txt || break
  done
  check "$name: some updates had room" test "$number" -gt 2
  refusal=$(cat err.txt)
  hcs 1 -j "$name/journal" record part.o --dry-run
  complains "$name: what is full" "$full"
  complains "$name: and what to do" "init --arena SIZE"
  same "$name: the dry run gives the same answer" "$err" "$refusal"
  hcs 0 -j "$name/journal" verify --image "$name/program.hot" --json
  json "$name: journal and file are whole" \
    "o['journal']['sound'] and o['targets'][0]['position']['number'] == $number - 1 and o['targets'][0]['mismatches'] == []"
  same "$name: the file runs the last that had room" "$(echo ask | "$name/program.hot")" "1 $((1000 * (number - 1)))"
done <<'L'
constants bytes of constants are wanted
data bytes of data are wanted
functions the unwind table holds
pointers the table of dynamic relocations holds
L

# The way that was named: the same image with more room takes the update.
mkdir more
cp wide more/
hcs 0 -j more/wide.hcsj init more/wide --arena 64K
hcs 0 -j more/wide.hcsj record wide.o --image more/wide.hot
says "recorded with more room" "recorded update 1"
end_checks
