#!/bin/bash
# `log`, `show`, `targets` and `verify`.
source "$(dirname "$0")/support/checks.bash"
adopted 2
object 3
"$tool" record answer.o -m "beside" --parent 1 --source-rev 1f3 >/dev/null

hcs 0 log
says "newest first" "^update 3 .*source 1f3"
hcs 0 log --json -n 2
json "at most so many" "[u['number'] for u in o['updates']] == [3, 2]"
hcs 0 log --json
json "the tree" "[(u['number'], u['parent']) for u in o['updates']] == [(2, 1), (1, 0)] or
  [(u['number'], u['parent']) for u in o['updates']] == [(3, 1), (2, 1), (1, 0)]"
json "an update's members" \
  "all({'number', 'digest', 'parent', 'parentDigest', 'time', 'author', 'message', 'operationCount', 'atomCount'}
       <= set(u) for u in o['updates'])"
hcs 64 log -n x

hcs 0 show 1
says "the atom" "moved +function +answer"
says "a protect operation for what is not writable" "protect +0x.* found r-x, while writing rwx"
says "a write" "write +0x"
says "a pointer" "pointer +0x"
hcs 0 show 2 --json
json "operations one by one" \
  "len(o['operations']) == o['operationCount'] and {'protect', 'write', 'pointer'} <= {x['kind'] for x in o['operations']}"
json "bytes before and after" \
  "all(len(x['before']) == len(x['after']) == 2 * x['byteCount'] for x in o['operations'] if x['kind'] == 'write')"
json "the first value of a variable" "any(x['kind'] == 'initial' for x in o['operations'])"
hcs 1 show 17
complains "no such update" "update 17"

hcs 0 targets
says "nobody runs" "no running process"
start ./program.hot
hcs 0 replay --to 2 --pid "$pid"
hcs 0 targets --json
json "who runs which update" \
  "[(t['pid'], t['state'], t['position']['number']) for t in o['targets']] == [($pid, 'at', 2)]"
hcs 0 verify --pid "$pid" --image program.hot --json
json "all is as recorded" \
  "o['journal']['sound'] and [(t['state'], t['position']['number'], t['mismatches']) for t in o['targets']]
   == [('at', 2, []), ('at', 0, [])]"
exec 8>&- 9<&-
wait "$pid"
hcs 0 targets --json
json "who has ended is forgotten" "o['targets'] == []"
hcs 1 targets -j absent.hcsj

hcs 0 verify
says "the journal is sound" "sound, 3 updates"
hcs 0 replay --to 2 --image program.hot
python3 - <<'P'
import pathlib
image = pathlib.Path("program.hot")
data = bytearray(image.read_bytes())
# The code of update 2, wherever the image keeps it: mov $2000 or $2007 as an immediate.
place = next(data.rindex(n.to_bytes(4, "little")) for n in (2000, 2007) if n.to_bytes(4, "little") in data)
data[place] ^= 1
image.write_bytes(data)
P
hcs 1 verify --image program.hot --json
json "a changed byte is found" "o['targets'][0]['mismatches'][0]['update'] == 2"
printf 'x' | dd of=program.hcsj bs=1 seek=8000 conv=notrunc status=none
"$tool" verify >/dev/null 2>&1
same "a damaged journal is found" "$?" 1
end_checks
