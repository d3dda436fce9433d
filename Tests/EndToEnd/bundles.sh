#!/bin/bash
# `export` and `import`: updates leave one journal and arrive in another of the same image.
source "$(dirname "$0")/support/checks.bash"
adopted 3

hcs 0 export all.hcsb
says "how many" "wrote 3 updates"
hcs 1 export all.hcsb
complains "an existing file is left alone" "exists already"
hcs 0 export part.hcsb 1..head --json
json "what was written" "o['updateCount'] == 2 and len(o['digest']) == 64"

mkdir elsewhere
cp program elsewhere/
cd elsewhere
unset HCS_JOURNAL
hcs 0 init program
hcs 1 import ../part.hcsb
complains "an update is missing in between" "follows an update that"
hcs 0 import ../all.hcsb
says "what was taken" "took 3 updates"
hcs 0 import ../part.hcsb --json
json "what is there is passed over" "o['added'] == [] and o['knownCount'] == 2"
hcs 0 replay --image program.hot
hcs 0 verify --image program.hot --json
json "the file is at the last update" "[t['position']['number'] for t in o['targets']] == [3] and o['journal']['sound']"
start ./program.hot
hcs 0 rollback --to 2 --pid "$pid"
hcs 0 verify --pid "$pid"
exec 8>&- 9<&-
wait "$pid"

python3 - <<'P'
import pathlib
data = bytearray(pathlib.Path("../all.hcsb").read_bytes())
data[len(data) // 2] ^= 4
pathlib.Path("damaged.hcsb").write_bytes(data)
P
hcs 1 import damaged.hcsb
complains "damage" "damaged"
hcs 1 import absent.hcsb
complains "no such file" "absent.hcsb"
end_checks
