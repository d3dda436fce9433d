#!/bin/bash
# Two writers of one journal: the second waits, or is told who the first is. Readers are in nobody's way.
source "$(dirname "$0")/support/checks.bash"
adopted 1
object 2

cat >writer.py <<'P'
import sqlite3, sys, time
db = sqlite3.connect("program.hcsj", isolation_level=None)
db.execute("BEGIN IMMEDIATE")
open("holds", "w").close()
time.sleep(float(sys.argv[1]))
P
holds() {
  rm -f holds
  python3 writer.py "$1" &
  writer=$!
  started+=("$writer")
  while [ ! -e holds ]; do sleep 0.05; done
}

holds 60
hcs 0 log --json
json "readers go on" "len(o['updates']) == 1"
hcs 1 record answer.o -m "second"
complains "who writes, and since when" "process $writer \(python3\), running since 20[0-9-]*T[0-9:]*Z, is writing"
kill "$writer" && wait "$writer" 2>/dev/null
hcs 0 log --json
json "nothing was recorded" "len(o['updates']) == 1"
holds 1
hcs 0 record answer.o -m "second"
says "who waits long enough has its turn" "recorded update 2"

# Two at once: both are there, one after the other.
object 3 three.o
object 4 four.o
"$tool" record three.o -m "three" >one.txt 2>&1 & one=$!
"$tool" record four.o -m "four" >two.txt 2>&1 & two=$!
wait "$one"; first=$?
wait "$two"; second=$?
hcs 0 log --json
json "what was told to be recorded is there" "len(o['updates']) == 2 + ($first == 0) + ($second == 0)"
check "at least one was" test "$first" -eq 0 -o "$second" -eq 0
hcs 0 verify
end_checks
