#!/bin/bash
# Many updates at once: what the journal keeps of 64 of them together brings files and processes where one by one they come.
source "$(dirname "$0")/support/checks.bash"
adopted 0
export HCS_JOURNAL=program.hcsj
cp program.hot base.hot
hcs 0 key ana

# Three states of a function without variables, again and again, beyond what is kept together.
for number in 1 2 3; do object "-$number" "answer$number.o"; done
for ((number = 1; number <= 70; number++)); do
  "$tool" record "answer$(((number - 1) % 3 + 1)).o" -m "edit $number" >/dev/null || bad "record $number"
done
hcs 0 sign ana base..
hcs 0 verify
says "what is kept is what the updates come to" "sound.*70 updates"

# With signatures required, each update is taken by itself.
for number in 1 63 64 65 70; do
  cp base.hot "one$number.hot"
  cp base.hot "kept$number.hot"
  hcs 0 replay --to "$number" --image "one$number.hot" --require-signature ana.pub
  hcs 0 replay --to "$number" --image "kept$number.hot"
  check "the file at update $number" cmp "one$number.hot" "kept$number.hot"
  hcs 0 verify --image "kept$number.hot"
done
hcs 0 rollback --to 64 --image kept70.hot
check "back by a few" cmp kept70.hot one64.hot
hcs 0 rollback --to base --image kept70.hot
check "back to the base" cmp kept70.hot base.hot
hcs 0 replay --to 70 --image kept70.hot --json
json "all updates are told" "o['targets'][0]['updates'] == [[1, 70]]"

# A process goes the same ways, and knows nothing of it.
start ./base.hot
for to in 70 2 65 base 64 70; do
  verb=replay
  case $to in 2 | base) verb=rollback ;; esac
  hcs 0 "$verb" --to "$to" --pid "$pid"
  hcs 0 verify --pid "$pid"
  says "as recorded at $to" "as recorded"
done
ask ask
kept=${answer##* }
hcs 0 rollback --to base --pid "$pid"
hcs 0 replay --to 70 --pid "$pid" --require-signature ana.pub
ask ask
same "the answer" "${answer##* }" "$kept"

# What is damaged is named, and not needed, also where the tool was killed on its way, behind the first bytes that it wrote.
gcc -O2 -o nth-call "$here/support/nth-call.c"
hcs 0 rollback --to base --pid "$pid"
./nth-call kill 2 9 :ptrace:4207 report "$tool" replay --pid "$pid" >/dev/null 2>&1
hcs 2 verify --pid "$pid"
tamper() { python3 -c 'import sqlite3, sys; db = sqlite3.connect("program.hcsj"); db.execute(sys.argv[1]); db.commit()' "$1"; }
tamper "UPDATE fresh_block SET content = zeroblob(length(content))"
hcs 1 verify
says "found" "stretch: update 64"
hcs 0 replay --pid "$pid"
says "what is torn is settled without it" "was torn on its way from the base image to update 70; that was finished first"
hcs 1 verify --pid "$pid"
says "and holds what was recorded" "at update 70, as recorded"
hcs 0 rollback --to base --pid "$pid"
hcs 0 replay --pid "$pid"
ask ask
same "without it" "${answer##* }" "$kept"
tamper "UPDATE stretch SET digest = zeroblob(32)"
cp base.hot other.hot
hcs 0 replay --image other.hot
check "the file without it" cmp other.hot one70.hot
end_checks
