#!/bin/bash
# `revert`: one update is taken back and the later ones stay, in files and in processes, as a clean build without the edit behaves.
source "$(dirname "$0")/support/checks.bash"
source "$here/support/surgery.bash"
adopted_parts 6
cp program.hot base.hot
hcs 0 replay --image program.hot
same "all edits" "$(echo ask | ./program.hot)" "$(clean 1 2 3 4 5 6)"
cp program.hot all.hot

# Of a file: each edit by itself, on a branch of its own after update 6.
number=6
for edit in 1 2 4 5 6; do
  rest=$(tr -d "$edit" <<<"1 2 3 4 5 6")
  hcs 0 revert "$edit" --onto 6 --image program.hot
  number=$((number + 1))
  says "what was recorded for edit $edit" "recorded update $number, after update 6: takes back update $edit \"edit $edit\""
  same "without edit $edit" "$(echo ask | ./program.hot)" "$(clean $rest)"
  hcs 0 verify --image program.hot --json
  json "the file is as recorded without edit $edit" \
    "o['journal']['sound'] and o['targets'][0]['state'] == 'at' and o['targets'][0]['mismatches'] == []"
  hcs 0 rollback --image program.hot
  check "rolled back, the file is what it was before the revert of $edit" cmp program.hot all.hot
done

# The revert of a revert, and of that one.
hcs 0 revert 7 --onto 7 --image program.hot
same "edit 1 is there again" "$(echo ask | ./program.hot)" "$(clean 1 2 3 4 5 6)"
hcs 0 revert head --image program.hot
same "and gone again" "$(echo ask | ./program.hot)" "$(clean 2 3 4 5 6)"
hcs 0 verify --image program.hot --json
json "the whole journal" "o['journal']['sound'] and o['targets'][0]['mismatches'] == []"

# What is refused: nothing is recorded, and the update in the way is named.
hcs 0 log -n 1 --json
before=$out
hcs 1 revert 3 --onto 6
complains "changed again" "update 4 has moved three"
hcs 1 revert 3 --onto 6 --json
json "changed again, as an object" "o['error']['code'] == 'revertConflict' and [(c['kind'], c['update'], c['atom']['name'])
  for c in o['error']['conflicts']] == [('changedAgain', 4, 'three')]" err
parts 1 2 3 4 5 6 7
hcs 0 record parts.o -m "edit 7" --onto 6
hcs 1 revert 2
complains "what a later update refers to" "four of update 14 refers to extra"
hcs 1 revert 14 --onto 6
complains "not on the way" "update 6 does not follow it"
hcs 1 revert base
complains "the base image" "nothing to take back"
hcs 1 revert 99
complains "no such update" "no such update"
hcs 0 revert 14 --dry-run --json
json "a dry run" "o['dryRun'] and 'update' not in o and [a['atom']['name'] for a in o['atoms']] == ['four']"
hcs 0 log -n 1 --json
json "nothing was recorded" "[u['number'] for u in o['updates']] == [14]"

# Then edit 2 goes, once edit 7 has gone.
cp base.hot other.hot
hcs 0 revert 14 --image other.hot
same "without edit 7" "$(echo ask | ./other.hot)" "$(clean 1 2 3 4 5 6)"
hcs 0 revert 2 --image other.hot
same "without edits 7 and 2" "$(echo ask | ./other.hot)" "$(clean 1 3 4 5 6)"
hcs 0 revert 4 --image other.hot
same "without edit 4 either" "$(echo ask | ./other.hot)" "$(clean 1 3 5 6)"
hcs 0 revert 3 --image other.hot
same "now edit 3 is the newest of its function" "$(echo ask | ./other.hot)" "$(clean 1 5 6)"

# Later updates go on from there.
parts 1 2 5 6
hcs 0 record parts.o -m "edit 2 again" --image other.hot
same "edit 2 again" "$(echo ask | ./other.hot)" "$(clean 1 2 5 6)"
parts 2 3 5 6
hcs 0 record parts.o -m "other edits" --image other.hot
same "the source goes on" "$(echo ask | ./other.hot)" "$(clean 2 3 5 6)"
hcs 0 verify --image other.hot --json
json "the journal is sound" "o['journal']['sound'] and o['targets'][0]['mismatches'] == []"
hcs 0 rollback --image other.hot --to base
check "all the way back, the file is exact" cmp other.hot base.hot

# Several at once: what they changed and changed back is in nobody's way.
cp base.hot several.hot
hcs 1 revert 3 --onto 6
hcs 0 revert 2..4 --onto 6 --image several.hot --json
json "what was taken back" "o['range'] == {'from': 2, 'to': 4} and o['reverted']['number'] == 4 and o['targets'][0]['to']['number'] == o['update']['number']"
same "without edits 3 and 4" "$(echo ask | ./several.hot)" "$(clean 1 2 5 6)"
hcs 0 verify --image several.hot --json
json "as recorded without edits 3 and 4" "o['journal']['sound'] and o['targets'][0]['mismatches'] == []"
hcs 0 rollback --image several.hot
check "back at all edits" cmp several.hot all.hot
hcs 0 revert base..6 --onto 6 --image several.hot
says "told" "takes back the updates of base..6"
same "without any edit" "$(echo ask | ./several.hot)" "$(clean)"
hcs 0 verify --image several.hot --json
json "as recorded without any edit" "o['journal']['sound'] and o['targets'][0]['mismatches'] == []"
number=$("$tool" log -n 1 --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["updates"][0]["number"])')
hcs 0 revert "$number" --image several.hot
same "and all of them again" "$(echo ask | ./several.hot)" "$(clean 1 2 3 4 5 6)"
hcs 0 rollback --to base --image several.hot
check "and back at the base image" cmp several.hot base.hot
hcs 1 revert 1..3 --onto 6
complains "a part of what a later one changed again" "update 4 has moved three"
hcs 1 revert 4..4 --onto 6
complains "none" "has no update"

# A process: its variables are its own, everything else is as in a clean build.
start ./base.hot
ask ask
first=$answer
hcs 0 replay --pid "$pid" --to 6
ask ask
same "at update 6" "$answer" "$(clean 1 2 3 4 5 6 | sed 's/level 6/level 5/; s/chosen [0-9]*/chosen 14/')"
hcs 0 replay --pid "$pid" --to 7
ask ask
same "edit 1 taken back" "$answer" "$(clean 2 3 4 5 6 | sed 's/level 6/level 5/; s/chosen [0-9]*/chosen 13/')"
hcs 0 verify --pid "$pid" --json
json "the process is as recorded" "o['targets'][0]['mismatches'] == []"
hcs 0 rollback --pid "$pid"
hcs 0 replay --pid "$pid" --to 8
ask ask
same "edit 2 taken back" "$answer" "$(clean 1 3 4 5 6 | sed 's/level 6/level 5/; s/chosen [0-9]*/chosen 14/')"
hcs 0 replay --pid "$pid" --to 10
ask ask
same "edit 5 taken back" "$answer" "$(clean 1 2 3 4 6)"
hcs 0 revert 4 --onto 10 --pid "$pid"
says "applied at once" "update 10 → update"
ask ask
same "edits 5 and 4 taken back" "$answer" "$(clean 1 2 3 6)"
hcs 0 rollback --pid "$pid" --to base
ask ask
same "the base image" "$answer" "$first"
hcs 0 run --to 7 </dev/null
same "a fresh process" "$(echo ask | "$tool" run --to 7)" "$(clean 2 3 4 5 6)"

# Questions about it.
hcs 0 diff 6 7
says "what differs" "function +one"
hcs 0 diff base 7 one
says "the same as in the base image" "the same"
hcs 0 symbol one --json
json "the history of a symbol" "any(b['update'] == 7 for s in o['symbols'] for b in s['bodies'])" 
address=$("$tool" symbol one --json | python3 -c '
import json, sys
print([b["placement"]["address"] for s in json.load(sys.stdin)["symbols"] for b in s["bodies"] if b["update"] == 7][0])')
hcs 0 at "$address" --update 7
says "the lines of the image's own body" "parts.c:[0-9]+"
address=$("$tool" symbol three --json | python3 -c '
import json, sys
print([b["placement"]["address"] for s in json.load(sys.stdin)["symbols"] for b in s["bodies"] if b["update"] == 9][0])')
hcs 0 at "$address" --update 9
says "the lines of a body that an update placed" "parts.c:[0-9]+"

# arm64, as files.
mkdir arm64
cd arm64
compiler=aarch64-linux-gnu-gcc
runner="qemu-aarch64 -L /usr/aarch64-linux-gnu"
unset HCS_JOURNAL
adopted_parts 6
for edit in 1 2 5; do
  rest=$(tr -d "$edit" <<<"1 2 3 4 5 6")
  cp program.hot without.hot
  hcs 0 revert "$edit" --onto 6 --image without.hot
  same "arm64 without edit $edit" "$(answers ./without.hot)" "$(clean $rest)"
done
hcs 1 revert 3 --onto 6
complains "arm64: changed again" "update 4 has moved three"
unset compiler runner
cd ..

# A key signs a revert like any other update.
hcs 0 key ana
hcs 0 revert head --sign ana --json
json "who has signed it" "o['update']['number'] > 0"
hcs 0 show head
says "the signature" "^signed SHA256:"

# GCC's -fipa-ra: a caller that was compiled after the edit may rely on what the edited callee leaves alone.
mkdir registers
cd registers
unset HCS_JOURNAL
cat >registers.c <<'C'
#include <stdio.h>
__attribute__((noinline, noclone)) static int callee(int a, int b) {
#ifdef E1
  return a + b;
#else
  int c = a * 3 + b, d = b * 5 + a, e = a ^ b;
  return c / (d * d + 1) + c * e + d / (e * e + 1);
#endif
}
__attribute__((noinline)) int caller(int a, int b) {
#ifdef E2
  return callee(a, b) * a + b - callee(b, a) * b + a;
#else
  return callee(a, b) + a + callee(b, a);
#endif
}
int main(int count, char **words) { (void)words; printf("%d\n", caller(count + 2, count + 6)); }
C
for flag in -fipa-ra -fno-ipa-ra; do
  rm -f registers registers.hot registers.hcsj
  compiled() { gcc -O2 -g -ffunction-sections "$flag" "$@" -c registers.c -o registers.o; }
  compiled
  gcc registers.o -o registers
  hcs 0 init registers
  compiled -DE1
  hcs 0 record registers.o
  compiled -DE1 -DE2
  hcs 0 record registers.o
  compiled -DE2
  gcc registers.o -o clean
  if [ "$flag" = -fipa-ra ]; then
    hcs 1 revert 1
    complains "registers that a later caller relies on" "caller of update 2 calls callee.*-fno-ipa-ra"
  else
    hcs 0 revert 1 --image registers.hot
    same "the later caller calls the former callee" "$(./registers.hot)" "$(./clean)"
  fi
done
end_checks
