#!/bin/bash
# An apply of which the tool was killed: the next command of that journal tells of it, whichever it is, until it is settled.
source "$(dirname "$0")/support/checks.bash"
adopted 2
gcc -O2 -o nth-call "$here/support/nth-call.c"
# killed WORDS…: ended when it stops the process, behind its first write there, which says what it is about to do.
killed() {
  local status=0
  ./nth-call kill 2 9 :ptrace:4207 report "$tool" "$@" >/dev/null 2>&1 || status=$?
  same "killed: $*" "$status" 137
}

start ./program.hot
ask ask
hcs 0 log
same "nothing to tell of" "$err" ""
hcs 0 log --json
json "nor as an object" "'unfinished' not in o"

killed replay --pid "$pid" --to 1
ask ask
same "the process runs on" "$answer" "2 0"
told="replay from the base image to update 1 of pid $pid did not finish.*hcs-journal verify --repair --pid $pid"
hcs 0 log
complains "log" "$told"
hcs 0 record answer.o -m "nothing new"
complains "record" "$told"
hcs 0 targets
says "targets" "pid $pid  torn on its way from the base image to update 1.*hcs-journal verify --repair --pid $pid"
hcs 0 log --json
json "log, as an object" "o['unfinished'][0]['pid'] == $pid and o['unfinished'][0]['destination']['number'] == 1"
same "and nothing besides" "$err" ""
hcs 0 record answer.o --json
json "record, as an object" "[u['pid'] for u in o['unfinished']] == [$pid]"
hcs 2 verify --pid "$pid"
hcs 0 verify --repair --pid "$pid"
hcs 0 log
same "settled: nothing to tell of any more" "$err" ""
ask ask
same "it was finished" "$answer" "3 1000"

killed rollback --pid "$pid"
hcs 0 log
complains "a roll back" "rollback from update 1 to the base image of pid $pid did not finish"
hcs 0 rollback --pid "$pid"
says "the next roll back settles it" "was torn on its way from update 1 to the base image; that was finished first"
hcs 0 log
same "settled by it" "$err" ""
ask ask
same "at the base image" "$answer" "4 0"

# Held: what must not run half-done.
hcs 0 replay --pid "$pid" --to 1
./nth-call kill 4 9 :tgkill report "$tool" replay --atomic --pid "$pid" >/dev/null 2>&1
await is_in_state "$pid" T
same "the process is stopped" "$(state_of "$pid")" T
hcs 0 log
complains "log says why" "replay from update 1 to update 2 of pid $pid did not finish, and it is stopped until it is settled"
hcs 0 targets
says "so does targets" "it is stopped until it is settled with: hcs-journal verify --repair"
hcs 2 verify --pid "$pid"
says "and verify" "stopped until it is settled"
hcs 0 replay --pid "$pid"
ask ask
same "it goes on, at the update" "$answer" "5 2007"
same "nobody traces it" "$(awk '/^TracerPid/ { print $2 }' "/proc/$pid/status")" 0

# Killed between the journal and the target: behind the intent and before the first write, behind the last write and before the
# completion. The target is whole, and the next command says where.
# cut_off NUMBER STEP BARRIER EXPRESSION WORDS…: tries one call after the other until the object that log prints is as the expression says.
cut_off() {
  local number=$1 step=$2 barrier=$3 expression=$4 status
  shift 4
  for (( ; number > 0 && number < 2000; number += step)); do
    status=0
    ./nth-call kill "$number" 9 "$barrier" report "$tool" "$@" >/dev/null 2>&1 || status=$?
    # Runs differ by how often a thread is asked whether it has stopped.
    if [ "$status" -ne 137 ] && [ "$step" -gt 0 ]; then break; fi
    if [ "$status" -eq 137 ] && "$tool" log --json | python3 -c 'import json, sys; o = json.load(sys.stdin)
u = o.get("unfinished", [{}])[0]; sys.exit(not eval(sys.argv[1]))' "$expression" 2>/dev/null; then good; return; fi
    "$tool" verify --repair "${@:2}" >/dev/null 2>&1
    "$tool" "${back[@]}" "${@:2}" >/dev/null 2>&1
  done
  bad "killed so that $expression: $*" "no call was found"
}
# calls BARRIER WORDS…: how many there are from the barrier on.
calls() {
  ./nth-call once 0 0 "$1" report "$tool" "${@:2}" >/dev/null 2>&1
  "$tool" "${back[@]}" "${@:3}" >/dev/null 2>&1
  awk '{ print $2 }' report
}

hcs 0 rollback --pid "$pid" --to 1
for target in "--pid $pid" "--image program.hot"; do
  # shellcheck disable=SC2206
  words=($target)
  case $target in --pid*) of="pid $pid" ;; *) of=".*program.hot" ;; esac
  # Where it stands, and how it gets back there.
  from=1
  back=(rollback --to 1)
  case $target in --image*) from=0 back=(rollback --to 0) ;; esac
  origin=$([ "$from" = 0 ] && echo "the base image" || echo "update $from")
  begun="u['state'] == 'at' and u['cutOff']['destination'] == 2 and u['cutOff']['origin'] == $from and u['position']['number']"
  cut_off 1 1 :fdatasync "$begun == $from" replay "${words[@]}"
  hcs 0 log
  complains "log: nothing was written" "replay from $origin to update 2 of $of was cut off; it stands at $origin, whole"
  hcs 0 verify "${words[@]}"
  says "verify says so, and that is that" "at $origin \(replay from $origin to update 2, begun .*, was cut off\), as recorded"
  hcs 0 log
  same "no more of it" "$err" ""

  cut_off "$(calls :fdatasync replay "${words[@]}")" -8 :fdatasync "$begun == 2" replay "${words[@]}"
  hcs 0 targets
  says "targets: all was written" "update 2.*"
  says "and by whom that was begun" "replay from $origin to update 2, begun .*, was cut off"
  hcs 0 log
  same "targets has settled it" "$err" ""
  hcs 0 verify "${words[@]}"
  says "and it is" "at update 2, as recorded"
done
hcs 0 verify
says "the journal is sound" ": sound"

# While somebody is at it, nothing is unfinished.
{ sleep 60 & } 2>/dev/null
other=$!
python3 - "$pid" "$other" program.hcsj <<'P'
import sqlite3, sys
def start(pid): return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[19])
target, applier = int(sys.argv[1]), int(sys.argv[2])
journal = sqlite3.connect(sys.argv[3])
digest = journal.execute("SELECT digest FROM update_entry ORDER BY number").fetchall()
journal.execute("INSERT INTO intent VALUES (?, ?, '/program', ?, ?, 2, 0, ?, ?)",
                (target, start(target), digest[1][0], digest[0][0], applier, start(applier)))
journal.commit()
P
hcs 0 log
same "log does not tell of what somebody is at" "$err" ""
hcs 0 targets
says "targets says who is" "pid $pid  process $other is at it: rollback from update 2 to update 1"
{ kill "$other"; wait "$other"; } 2>/dev/null
hcs 0 log
complains "until he is gone" "rollback from update 2 to update 1 of pid $pid was cut off; it stands at update 2, whole"
hcs 0 rollback --pid "$pid"
hcs 0 log
same "the next roll back settles it" "$err" ""

# A process that has ended is nobody's concern.
hcs 0 replay --pid "$pid"
killed rollback --pid "$pid"
exec 8>&- 9<&-
{ kill -9 "$pid"; wait "$pid"; } 2>/dev/null
hcs 0 log
same "nothing is told of a process that has gone" "$err" ""
end_checks
