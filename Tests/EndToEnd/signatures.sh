#!/bin/bash
# Keys, `record --sign`, `sign`, and --require-signature: what is not signed, or not what was signed, reaches no target.
source "$(dirname "$0")/support/checks.bash"
adopted 1

hcs 0 key ana
says "a new key" "made ana and ana.pub, SHA256:"
same "its owner's alone" "$(stat -c %a ana)" 600
hcs 1 key ana
complains "no key takes another's place" "exists already"
hcs 0 key ana --public
same "its public half" "$out" "$(cut -d' ' -f1,2 ana.pub)"
hcs 0 key bo --json
json "as an object" "o['file'] == 'bo' and o['fingerprint'].startswith('SHA256:') and o['public'].startswith('ssh-ed25519 ')"
cp program.hcsj unsigned.hcsj
export HCS_JOURNAL=program.hcsj
hcs 0 sign ana
says "ssh-keygen tells the same fingerprint" "$(ssh-keygen -lf ana.pub | cut -d' ' -f2 | sed 's/[+]/[+]/g')"
hcs 0 sign ana
says "signed already" "nothing to sign"

object 2
chmod 644 ana
hcs 1 record answer.o --sign ana
complains "a key that others can read" "chmod 600"
hcs 1 record answer.o --sign absent
complains "no such key" "absent"
hcs 0 log --json
json "nothing was recorded" "len(o['updates']) == 1"
chmod 600 ana
hcs 0 record answer.o -m "edit 2" --sign ana
hcs 0 show 2
says "who has signed it" "^signed SHA256:"
hcs 0 show 2 --json
json "as members" "[s['valid'] for s in o['signatures']] == [True]"
hcs 0 verify

# OpenSSL is asked whether the signature is what the document says it is.
python3 - <<'P'
import sqlite3
row = sqlite3.connect("program.hcsj").execute(
    "SELECT digest, key, signature FROM signatures WHERE update_number = 2").fetchone()
digest, key, signature = map(bytes.fromhex, row)
open("message", "wb").write(b"hcs-journal signature 1\n" + digest)
open("signature", "wb").write(signature)
open("key.der", "wb").write(bytes.fromhex("302a300506032b6570032100") + key)
P
check "openssl verifies it" openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in message -sigfile signature

# Unsigned in between, and signed by another.
object 3
hcs 0 record answer.o -m "edit 3"
cp program.hot before
hcs 1 replay --image program.hot --require-signature ana.pub
complains "unsigned, by number" "update 3.*not signed|not signed.*update 3"
check "the file is untouched" cmp program.hot before
hcs 0 replay --to 2 --image program.hot --require-signature ana.pub
hcs 0 sign bo head~1..
says "signed afterwards" "signed 1 update as SHA256:.*update 3"
hcs 1 replay --image program.hot --require-signature ana.pub
complains "signed by another" "not among the keys"
hcs 1 replay --image program.hot --require-signature ana.pub --json
json "the code" "o['targets'][0]['error']['code'] == 'untrustedSignature'"
cat ana.pub bo.pub >both
hcs 0 replay --image program.hot --require-signature both
hcs 0 rollback --to base --image program.hot
hcs 0 replay --image program.hot --require-signature ana.pub --require-signature bo.pub --dry-run
hcs 1 replay --image program.hot --require-signature ana --dry-run
complains "a private key is no list of public ones" "ana is not a file of"
hcs 1 replay --image program.hot --require-signature absent
complains "no such file" "absent"

# A process: refused before the first write, also a way back that ends at what is not signed.
start ./program.hot
ask ask
first=$answer
hcs 1 replay --pid "$pid" --require-signature ana.pub
complains "a process" "not among the keys"
ask ask
same "runs what it ran" "$answer" "${first/1 /2 }"
hcs 0 targets --json
hcs 0 replay --pid "$pid" --to 2 --require-signature ana.pub
ask ask
same "signed code runs" "$answer" "3 2007"
object 4
hcs 1 record answer.o -m "edit 4" --sign bo --pid "$pid" --require-signature ana.pub
complains "recorded and not applied" "not among the keys"
hcs 0 replay --pid "$pid"
hcs 1 rollback --pid "$pid" --to 3 --require-signature ana.pub
complains "back to what is not signed" "not among the keys"
hcs 0 rollback --pid "$pid" --to 2 --require-signature ana.pub
exec 8>&- 9<&-
wait "$pid"
hcs 125 run --require-signature ana.pub
complains "a fresh process" "not among the keys"
echo ask | "$tool" run --to 2 --require-signature ana.pub >ran.txt
same "a fresh process of what is signed" "$(cat ran.txt)" "1 2007"

# Altered, reordered, of another image: each in a copy of the journal, for a file that stands at the base image.
hcs 0 sign ana
altered() {
  cp program.hcsj altered.hcsj
  python3 -c 'import sqlite3, sys
db = sqlite3.connect("altered.hcsj")
db.executescript(sys.argv[1])' "$2"
  hcs 1 -j altered.hcsj replay --image program.hot --require-signature ana.pub
  complains "$1" "$3"
  check "$1: the file is untouched" cmp program.hot before
}
hcs 0 rollback --to base --image program.hot
cp program.hot before
altered "another message" "UPDATE update_entry SET message = 'else' WHERE number = 2" "not what its digest says"
altered "another content" "UPDATE update_entry SET content = (SELECT content FROM update_entry WHERE number = 1)
  WHERE number = 2" "not what its digest says|do not decode|malformed"
altered "another digest" "UPDATE update_entry SET digest = zeroblob(32) WHERE number = 2" "digest|damaged|not signed"
altered "another payload" "UPDATE payload SET block = zeroblob(length(block))" "do not decode|not what its digest says|malformed"
altered "reordered" "UPDATE update_entry SET parent_number = 1 WHERE number = 3" "not what its digest says"
altered "swapped" "CREATE TEMP TABLE was AS SELECT number, digest FROM update_entry;
  UPDATE update_entry SET digest = randomblob(32) WHERE number IN (2, 3);
  UPDATE update_entry SET digest = (SELECT digest FROM was WHERE was.number = 5 - update_entry.number) WHERE number IN (2, 3)" \
  "not what its digest says"
altered "another update's signature" "UPDATE signature SET signature = (SELECT signature FROM signature AS other
  WHERE other.key = signature.key AND other.digest <> signature.digest)" "does not hold"
altered "no signature" "DELETE FROM signature WHERE digest = (SELECT digest FROM update_entry WHERE number = 1)" "not signed"
mkdir elsewhere
gcc -O2 -g -ffunction-sections -fno-ipa-ra -Wl,--build-id -DOTHER "$here/program/program.c" -c -o elsewhere/program.o
gcc -Wl,--build-id -Wl,-z,now elsewhere/program.o answer.o -o elsewhere/program
"$tool" init elsewhere/program >/dev/null
object 1
"$tool" -j elsewhere/program.hcsj record answer.o --sign ana >/dev/null
altered "of another image" "ATTACH 'elsewhere/program.hcsj' AS other; DELETE FROM signature;
  INSERT INTO signature SELECT (SELECT digest FROM update_entry WHERE number = 1), key, signature FROM other.signature" \
  "does not hold"
hcs 1 -j elsewhere/program.hcsj replay --image program.hot --require-signature ana.pub
complains "the other image's journal" "image"
check "the file is untouched" cmp program.hot before

# Signatures leave with a bundle and arrive with it.
hcs 0 export all.hcsb --json
json "how many" "o['updateCount'] == 4 and o['signatureCount'] == 6"
cp unsigned.hcsj taker.hcsj
hcs 0 -j taker.hcsj import all.hcsb --json
json "taken" "o['added'] == [2, 3, 4] and o['knownCount'] == 1 and o['signatureCount'] == 6"
hcs 0 -j taker.hcsj replay --image program.hot --require-signature ana.pub

# Keys that others made.
openssl genpkey -algorithm ed25519 -out openssl.pem 2>/dev/null
openssl pkey -in openssl.pem -pubout -out openssl.pub
ssh-keygen -q -t ed25519 -N "" -f openssh
chmod 600 openssl.pem
for key in openssl.pem openssh; do
  hcs 0 sign "$key" head
  hcs 0 replay --image program.hot --require-signature "${key%.pem}.pub"
done
ssh-keygen -q -t ed25519 -N "secret" -f locked
hcs 1 sign locked
complains "a passphrase" "passphrase"
end_checks
