#!/bin/bash
# `replay` and `rollback`: a process and a file, forward and back, and what is refused.
source "$(dirname "$0")/support/checks.bash"
adopted 3
cp program.hot base.hot

start ./program.hot
ask ask
same "the base image" "$answer" "1 0"
hcs 0 replay --pid "$pid" --dry-run --json
json "the plan" "o['targets'][0]['dryRun'] and o['targets'][0]['updates'] == [[1, 3]]"
ask ask
same "a dry run writes nothing" "$answer" "2 0"
hcs 0 replay --pid "$pid" --to 1
says "from and to" "base image → update 1"
ask ask
same "at update 1" "$answer" "3 1000"
hcs 0 replay --pid "$pid" --json
json "the report's members" \
  "{'target', 'from', 'to', 'updates', 'alreadyThere', 'dryRun', 'byteCount', 'threadsInOldBodies', 'protections'}
   <= set(o['targets'][0]) and o['targets'][0]['target']['kind'] == 'process'"
json "protections are left as found" "all(p['found'] == p['left'] for p in o['targets'][0]['protections'])"
ask ask
same "at update 3" "$answer" "4 3007"
hcs 0 replay --pid "$pid"
says "a second time" "already at update 3"
hcs 0 replay --pid "$pid" --json
json "a second time, as an object" "o['targets'][0]['alreadyThere'] and o['targets'][0]['byteCount'] == 0"
hcs 1 replay --pid "$pid" --to 1
complains "replay does not go back" "hcs-journal rollback --to 1"
hcs 0 rollback --pid "$pid" --write-method protect
says "back by one" "update 3 → update 2"
ask ask
same "at update 2, its variable goes on" "$answer" "5 2008"
hcs 1 rollback --pid "$pid" --to 3
complains "rollback does not go forward" "hcs-journal replay --to 3"
hcs 0 rollback --pid "$pid" --to 0
ask ask
same "at the base image again" "$answer" "6 0"
hcs 1 rollback --pid "$pid"
complains "nothing to take back" "nothing to roll back"
hcs 0 replay --all
says "all that are known" "pid $pid .*update 3"
ask ask
same "a variable keeps its value" "$answer" "7 3009"

hcs 0 replay --image program.hot
same "the patched file by itself" "$(echo ask | ./program.hot)" "1 3007"
ask ask
same "the process is another target" "$answer" "8 3010"
hcs 0 rollback --to 1 --image program.hot
same "the file at update 1" "$(echo ask | ./program.hot)" "1 1000"
hcs 0 rollback --image program.hot
check "the file rolled back is exact" cmp program.hot base.hot
hcs 1 replay --image program
complains "the image as linked" "no arena"
cp base.hot damaged.hot
address=$("$tool" show 1 --json | python3 -c '
import json, sys
show = json.load(sys.stdin)
print(int(show["atoms"][0]["before"]["address"], 16))')
offset=$(python3 - "$address" <<'P'
import subprocess, sys
address = int(sys.argv[1])
for line in subprocess.run(["readelf", "-lW", "damaged.hot"], capture_output=True, text=True).stdout.splitlines():
    word = line.split()
    if word[:1] == ["LOAD"] and int(word[2], 16) <= address < int(word[2], 16) + int(word[4], 16):
        print(int(word[1], 16) + address - int(word[2], 16))
P
)
printf '\xcc' | dd of=damaged.hot bs=1 seek="$offset" conv=notrunc status=none
cp damaged.hot damaged.before
hcs 1 replay --image damaged.hot --json
json "what is not as expected is refused" "o['targets'][0]['error']['code'] == 'contentMismatch'
  and o['targets'][0]['error']['outcome'] == 'untouched'"
check "and nothing is written" cmp damaged.hot damaged.before

gcc "$here/program/program.c" -DEDIT=5 "$here/program/answer.c" -Wl,--build-id -o stranger
exec 8>&- 9<&-
start ./stranger
hcs 1 replay --pid "$pid"
complains "another image" "another image"
ask ask
same "it is left alone" "$answer" "1 5007"
cp base.hot second.hot
hcs 1 replay --image second.hot --image damaged.hot
says "one target refuses, the other goes" "second.hot: the base image → update 3"
hcs 64 replay
complains "no target" "--pid PID, --image FILE or --all"
end_checks
