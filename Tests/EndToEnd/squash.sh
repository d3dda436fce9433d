#!/bin/bash
# `squash` and `prune`: many updates become one step, in files and in processes what they were one by one, and then go.
source "$(dirname "$0")/support/checks.bash"
source "$here/support/surgery.bash"
edits="1 2 3 4 5 6 7 8 9 10 11 12 13"
adopted_parts 13
cp program.hot base.hot

# Files as the updates one by one leave them, from a journal that is never pruned.
mkdir whole
cp program.hcsj whole/
for number in 3 9 13; do
  cp base.hot "at$number.hot"
  hcs 0 -j whole/program.hcsj replay --to "$number" --image "at$number.hot"
done
same "update 13" "$(answers ./at13.hot)" "$(clean $edits)"

cp at13.hot at13.hot.13

# A process that has been everywhere before anything is pruned, and comes to stand in the middle.
start ./base.hot
for number in 13 4 6; do hcs 0 "$([ $number = 13 ] || [ $number = 6 ] && echo replay || echo rollback)" --to "$number" --pid "$pid"; done
ask ask
same "the process at update 6" "$answer" "$(clean 1 2 3 4 5 6 | sed 's/level 6/level 5/; s/chosen [0-9]*/chosen 14/')"

# Squash: proved, kept beside the updates, nothing else changes.
"$tool" log >log.before
hcs 0 squash
says "none yet" "no shortcuts"
hcs 0 squash 3..9 --dry-run --json
json "a dry run" "o['dryRun'] and 'shortcut' not in o and o['operationCount'] <= o['operationCountBefore']"
hcs 0 squash 3..9
says "what was made" "shortcut 3..9 .* beside 6 updates"
says "proved" "proved"
hcs 0 squash 3..9 --json
json "the same again" "not o['isNew'] and o['shortcut']['coveredCount'] == 6 and not o['shortcut']['isPruned']"
hcs 0 log
same "the log is what it was" "$out" "$(cat log.before)"
hcs 0 verify --json
json "the journal" "o['journal']['sound']"

# Ways that are none.
hcs 1 squash 9..3
complains "backward" "do not lie on one line"
hcs 1 squash 4..5
complains "one update" "two updates or more"
hcs 1 squash 0..99
complains "no such update" "no such update"
hcs 64 prune
hcs 1 prune 2..9
complains "no shortcut yet" "hcs-journal squash 2..9"

# Who stands between is named: a process, a file, a tag, a branch.
hcs 1 prune 3..9
complains "a process" "process $pid .*update 6"
hcs 0 replay --to 9 --pid "$pid"
cp base.hot program.hot
hcs 0 replay --to 5 --image program.hot
hcs 1 prune 3..9
complains "the image's file" "image .*program.hot.*update 5"
hcs 0 rollback --to base --image program.hot
hcs 0 tag middle 7
hcs 1 prune 3..9 --json
json "a tag" "o['error']['code'] == 'tagBetween' and 'middle' in o['error']['message']" err
hcs 0 tag --delete middle
mkdir other; cp program.hcsj other/forked.hcsj
parts 1 2 3 4 5
hcs 0 -j other/forked.hcsj record parts.o --onto 4 -m "another branch"
hcs 1 -j other/forked.hcsj prune 3..9
complains "a branch" "update 14 follows it on another branch"
hcs 0 prune 3..9 --dry-run --json
json "a dry run" "o['dryRun'] and o['updates'] == [4, 5, 6, 7, 8, 9]"
hcs 0 show 5
says "still there" "operation"

# Killed in the middle, the journal is the one or the other.
ones=0
for delay in 0.02 0.05 0.1 0.15 0.2 0.3 0.4 0.5 0.7 1; do
  rm -f other/killed.hcsj*
  cp program.hcsj other/killed.hcsj
  "$tool" -j other/killed.hcsj prune 3..9 >/dev/null 2>&1 &
  victim=$!
  sleep "$delay"
  { kill -9 "$victim"; wait "$victim"; } 2>/dev/null
  hcs 0 -j other/killed.hcsj verify --json
  json "sound after $delay s" "o['journal']['sound']"
  hcs 0 -j other/killed.hcsj log --json
  json "one or the other after $delay s" "sum('pruned' in u for u in o['updates']) in (0, 6)"
  cp base.hot killed.hot
  hcs 0 -j other/killed.hcsj replay --image killed.hot
  check "the file after $delay s" cmp killed.hot at13.hot
done

# Prune.
hcs 0 prune 3..9 --json
json "what went" "o['updates'] == [4, 5, 6, 7, 8, 9] and o['byteCount'] < o['byteCountBefore']"
check "the journal is smaller than one that is whole" test "$(stat -c %s program.hcsj)" -lt "$(stat -c %s whole/program.hcsj)"
hcs 0 verify --json
json "the journal" "o['journal']['sound'] and o['journal']['updateCount'] == 13"
hcs 0 log
says "marked" "^update 6 .*pruned into 3..9"
hcs 0 log --json
json "which are" "sorted(u['number'] for u in o['updates'] if u.get('pruned') == {'from': 3, 'to': 9}) == [4, 5, 6, 7, 8, 9]"
hcs 0 show 6
says "what is kept of it" "edit 6"
says "its atoms" "word"
says "what stands for it" "shortcut 3..9 .* in place of 6 updates"
hcs 0 show 9
says "what is done instead" "^[1-9][0-9]* operations"
hcs 1 prune 3..9
complains "pruned already" "pruned already"

# Files, byte for byte.
cp base.hot file.hot
hcs 0 replay --to 3 --image file.hot
check "a file at 3" cmp file.hot at3.hot
hcs 0 replay --to 9 --image file.hot
check "a file at 9" cmp file.hot at9.hot
hcs 0 rollback --image file.hot
check "back by one step, at 3" cmp file.hot at3.hot
hcs 0 replay --image file.hot
check "a file at 13" cmp file.hot at13.hot
hcs 0 verify --image file.hot --json
json "as recorded" "o['targets'][0]['state'] == 'at' and o['targets'][0]['mismatches'] == []"
hcs 0 rollback --to 9 --image file.hot
check "back at 9" cmp file.hot at9.hot
hcs 0 rollback --to base --image file.hot
check "back at the base image" cmp file.hot base.hot
# One that came along the updates themselves.
hcs 0 rollback --to 3 --image at13.hot
check "a file from before, at 3" cmp at13.hot at3.hot

# The process from before.
ask ask
same "the process at update 9" "$answer" "$(clean 1 2 3 4 5 6 7 8 9 | sed 's/level 6/level 5/; s/chosen [0-9]*/chosen 21/')"
hcs 0 verify --pid "$pid" --json
json "as recorded" "o['targets'][0]['mismatches'] == []"
hcs 0 rollback --pid "$pid"
says "in one step" "update 9 → update 3"
ask ask
same "back at update 3" "$answer" "$(clean 1 2 3)"
hcs 0 replay --pid "$pid"
ask ask
last=$(clean $edits | sed 's/level 7/level 5/; s/chosen [0-9]*/chosen 47/')
same "forward to update 13" "${answer//chosen [0-9]*/}" "${last//chosen [0-9]*/}"
hcs 0 rollback --to base --pid "$pid"
ask ask
same "back at the base image" "$answer" "$(clean)"
hcs 0 replay --pid "$pid"
hcs 0 verify --pid "$pid" --json
json "and forward again, as recorded" "o['targets'][0]['mismatches'] == []"
same "a fresh process at 9" "$(echo ask | "$tool" run --to 9)" "$(clean 1 2 3 4 5 6 7 8 9)"
same "a fresh process at 13" "$(echo ask | "$tool" run)" "$(clean $edits)"

# Questions; what is pruned is told to be.
for words in "replay --to 5 --image file.hot" "diff 3 5" "revert 5" "revert 9" "record parts.o --onto 6" "tag here 5"; do
  hcs 1 $words
  complains "$words" "update is pruned.*update [59].*3\.\.9|update is pruned.*update 6.*3\.\.9"
done
hcs 125 run --to 5 </dev/null
complains "run --to 5" "is pruned"
hcs 0 diff 3 9
says "what differs over the range" "one"
hcs 0 symbol three --json
json "bodies of pruned updates are told" "any(b['update'] == 4 for s in o['symbols'] for b in s['bodies'])"
address=$("$tool" symbol word --json | python3 -c '
import json, sys
print([b["placement"]["address"] for s in json.load(sys.stdin)["symbols"] for b in s["bodies"] if b["update"] == 6][0])')
hcs 0 at "$address" --update 9
says "who placed it" "word.*update 6|update 6"
says "its lines" "parts.c:[0-9]+"
cat >word <<'B'
#!/bin/bash
! echo ask | "$HCSJ_IMAGE" | grep -q "a new word"
B
chmod +x word
hcs 0 bisect --test ./word
says "the step at fault" "update 9 is the first at which it fails"
says "is one of pruned updates" "update 9 .*pruned into 3..9"

# The history goes on: edits, reverts, another shortcut over what is pruned.
parts 1 2 3 5 6 7 8 9 10 11 12 13
hcs 0 record parts.o -m "edit 4 taken out by hand" --image file.hot
same "recorded on" "$(answers ./file.hot)" "$(clean 1 2 3 5 6 7 8 9 10 11 12 13)"
hcs 0 revert 10 --image file.hot
same "reverted" "$(answers ./file.hot)" "$(clean 1 2 3 5 6 7 8 9 11 12 13)"
hcs 0 squash 0..15
hcs 0 verify --image file.hot --json
json "sound" "o['journal']['sound'] and o['targets'][0]['mismatches'] == []"
cp file.hot at15.hot

# Bundles carry the shortcut in place of what is pruned.
hcs 0 export pruned.hcsb
says "what it has" "wrote 9 updates and 1 shortcut"
mkdir elsewhere part
cp program elsewhere
cp program part
cd elsewhere
hcs 0 init program
hcs 0 import ../pruned.hcsb --json
json "what was taken" "o['added'] == list(range(1, 16)) and o['shortcutCount'] == 1"
hcs 0 import ../pruned.hcsb --json
json "it is there now" "o['added'] == [] and o['knownCount'] == 15"
hcs 0 verify --json
json "sound" "o['journal']['sound']"
hcs 0 replay --image program.hot
check "the same file" cmp program.hot ../at15.hot
hcs 0 rollback --image program.hot --to 3
check "and back over it" cmp program.hot ../at3.hot
hcs 0 log
says "told as pruned" "^update 6 .*pruned into 3..9"
hcs 0 -j ../whole/program.hcsj export ../whole.hcsb
hcs 0 import ../whole.hcsb --json
json "what is pruned here is known" "o['added'] == [] and o['knownCount'] == 13"
cd ../part
hcs 0 init program
hcs 0 -j ../whole/program.hcsj export ../begin.hcsb 0..5
hcs 0 import ../begin.hcsb
hcs 1 import ../pruned.hcsb
complains "a part of what is one step there" "has as one step what"
hcs 0 log --json
json "nothing was taken" "len(o['updates']) == 5"
cd ..

# Signatures: whoever requires them asks for the shortcut's, for it is what is applied.
hcs 0 key ana
hcs 0 -j whole/program.hcsj sign ana base..head
hcs 0 -j whole/program.hcsj squash 3..9
hcs 0 -j whole/program.hcsj prune 3..9
says "a word of warning" "update [4-9] is signed and the shortcut is not"
cp base.hot signed.hot
hcs 1 -j whole/program.hcsj replay --image signed.hot --require-signature ana.pub
complains "not signed" "update 9"
hcs 0 -j whole/program.hcsj sign ana 3..9
hcs 0 -j whole/program.hcsj replay --image signed.hot --require-signature ana.pub
check "signed" cmp signed.hot at13.hot.13
hcs 0 -j whole/program.hcsj show 9
says "who has signed the shortcut" "signed SHA256:"
hcs 0 -j whole/program.hcsj verify --json
json "sound" "o['journal']['sound']"

# All of it as one step.
hcs 0 rollback --to base --pid "$pid"
hcs 0 prune --before 15
hcs 0 log --json
json "all are pruned" "all(u.get('pruned') == {'from': 0, 'to': 15} for u in o['updates'])"
hcs 0 replay --pid "$pid"
hcs 0 verify --pid "$pid" --json
json "a process over all of it" "o['journal']['sound'] and o['targets'][0]['mismatches'] == []"
hcs 0 rollback --image file.hot --to base
check "a file over all of it" cmp file.hot base.hot

# arm64, as files.
mkdir arm64
cd arm64
compiler=aarch64-linux-gnu-gcc
runner="qemu-aarch64 -L /usr/aarch64-linux-gnu"
unset HCS_JOURNAL
adopted_parts 10
cp program.hot base.hot
for number in 3 9 10; do
  cp base.hot "at$number.hot"
  hcs 0 replay --to "$number" --image "at$number.hot"
done
hcs 0 squash 3..9
hcs 0 prune 3..9
cp base.hot file.hot
for number in 9 10; do
  hcs 0 replay --to "$number" --image file.hot
  check "arm64 at $number" cmp file.hot "at$number.hot"
done
same "arm64 at update 10" "$(answers ./file.hot)" "$(clean 1 2 3 4 5 6 7 8 9 10)"
for number in 3 0; do
  hcs 0 rollback --to "$number" --image file.hot
done
check "arm64 back at the base image" cmp file.hot base.hot
unset compiler runner
cd ..
end_checks
