#!/bin/bash
# `verify` where a target's header is gone or lies, and where bytes have changed under it.
source "$(dirname "$0")/support/checks.bash"
build_program
hcs 0 init program
export HCS_JOURNAL=$PWD/program.hcsj
for edit in 1 2 3; do
  object $edit
  hcs 0 record answer.o -m "edit $edit"
done

# header PID [image] WHAT: the header page of the process, or of program.hot, gets WHAT: zeroes, noise, or the bytes of a
# file. `save FILE` keeps what it holds.
cat >header.py <<'P'
import re, sys
pid, words = sys.argv[1], sys.argv[2:]
if words[0] == "image":
    path, place, words = "program.hot", open("program.hot", "rb").read().index(b"HCSJ\r\n\x1a\n"), words[1:]
else:
    # The arena's writable segment is the last one of the image.
    path, place = f"/proc/{pid}/mem", 0
    for line in open(f"/proc/{pid}/maps"):
        start, mode = re.match(r"(\w+)-\w+ (\S+)", line).groups()
        if mode.startswith("rw") and line.endswith("program.hot\n"):
            place = int(start, 16)
with open(path, "r+b", buffering=0) as memory:
    memory.seek(place)
    if words[0] == "save":
        open(words[1], "wb").write(memory.read(192))
    else:
        memory.write({"zeroes": bytes(192), "noise": bytes(range(1, 193))}.get(words[0]) or open(words[0], "rb").read())
P
header() { check "the header: $*" python3 header.py "$pid" "$@"; }

start ./program.hot
hcs 0 replay --to 1 --pid "$pid"
header save first
hcs 0 replay --to 2 --pid "$pid"
hcs 0 verify --pid "$pid"
says "at update 2" "at update 2, as recorded"
for fault in "zeroes:has been wiped" "noise:is damaged" "first:says update 1"; do
  header "${fault%%:*}"
  hcs 1 verify --pid "$pid"
  says "where it stands, by its memory alone (${fault%%:*})" "its header ${fault#*:}, but it holds what update 2 left"
  says "and what to do" "with --repair"
  hcs 1 verify --pid "$pid" --json
  json "as JSON" "o['targets'][0]['position']['number'] == 2 and o['targets'][0]['restored'] == False
     and o['targets'][0]['header'] in ('missing', 'damaged', 'wrong')"
  hcs 0 verify --pid "$pid" --repair
  says "repaired" "the header is written again"
  hcs 0 verify --pid "$pid"
  says "and it is as it was" "at update 2, as recorded"
done
ask ask
check "the process runs on" test -n "$answer"
hcs 0 replay --pid "$pid"
hcs 0 rollback --to base --pid "$pid"
header zeroes
hcs 0 verify --pid "$pid"
says "at the base image nothing says otherwise" "at the base image, as recorded"
hcs 0 replay --pid "$pid"
header zeroes
hcs 1 replay --pid "$pid"
complains "without a header nothing is written" "hcs-journal verify"
hcs 0 verify --pid "$pid" --repair
says "the newest update is found" "it holds what update 3 left"

# A byte of a body: by its atom.
hcs 0 show 3 --json
place=$(python3 -c 'import json, sys
print([a for a in json.loads(sys.argv[1])["atoms"] if a["atom"]["name"] == "answer"][0]["after"]["address"])' "$out")
cat >poke.py <<'P'
import sys
pid, place, byte = sys.argv[1], int(sys.argv[2], 16) + 3, int(sys.argv[3], 16)
lowest = min(int(line.split("-")[0], 16) for line in open(f"/proc/{pid}/maps") if line.endswith("program.hot\n"))
with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
    memory.seek(lowest + place)
    print(memory.read(1).hex())
    memory.seek(lowest + place)
    memory.write(bytes([byte]))
P
old=$(python3 poke.py "$pid" "$place" cc)
hcs 1 verify --pid "$pid"
says "the atom, the place and who may have done it" "answer\\+0x3 at 0x.*debugger's breakpoint"
hcs 1 verify --pid "$pid" --json
json "as JSON" "o['targets'][0]['mismatches'][0]['atom']['name'] == 'answer' and o['targets'][0]['mismatches'][0]['offset'] == 3"
python3 poke.py "$pid" "$place" "$old" >poked.txt
hcs 0 verify --pid "$pid"

# The file.
hcs 0 replay --to 2 --image program.hot
header image zeroes
hcs 1 verify --image program.hot
says "a file as well" "its header has been wiped, but it holds what update 2 left"
hcs 0 verify --image program.hot --repair
hcs 0 verify --image program.hot
says "is restored" "at update 2, as recorded"
exec 8>&- 9<&-
wait "$pid"
end_checks
