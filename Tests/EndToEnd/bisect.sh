#!/bin/bash
# `bisect`: finds the update at which a command fails: with fresh processes, in a running one, with files, over branches.
source "$(dirname "$0")/support/checks.bash"

# A program that answers from one named pipe to another, or from standard input, and 16 updates of it.
cat >main.c <<'C'
#include <stdio.h>
int value(void);
int main(int count, char **words) {
  char line[64];
  if (count > 2 && (!freopen(words[1], "r+", stdin) || !freopen(words[2], "r+", stdout))) return 1;
  setvbuf(stdout, 0, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin)) printf("%d\n", value());
  return 0;
}
C
echo 'volatile int zero; int value(void) { return VALUE + zero; }' >value.c
value() { gcc -O2 -g -ffunction-sections -fno-ipa-ra -DVALUE="$1" -c value.c -o value.o; }
gcc -O2 -g -c main.c -o main.o
value 0
gcc -Wl,--build-id main.o value.o -o program
"$tool" init program >/dev/null || bad init
for number in $(seq 1 16); do
  value "$number"
  "$tool" record value.o -m "value $number" >/dev/null || bad "record $number"
done
mkfifo to from

# The commands: what is asked is in $LIMIT, what they saw goes to the file `seen`.
cat >ask <<'B'
#!/bin/bash
echo ask >to
read -r -t 60 answer <from
echo "$HCSJ_UPDATE $answer ${HCSJ_PID:+pid} $(echo ask | "$HCSJ_IMAGE") $HCSJ_JOURNAL $*" >>seen
[ -z "${AUDIBLE-}" ] || echo "heard by the user"
[ -e /proc/"$HCSJ_PID"/exe ] || exit 200
[ "$HCSJ_UPDATE" != "${SKIP-none}" ] || exit 125
[[ " ${SKIPS-} " != *" $HCSJ_UPDATE "* ]] || exit 125
[ "$HCSJ_UPDATE" != "${ABORT-none}" ] || kill -TERM $$
[ "$answer" -lt "$LIMIT" ]
B
cat >runs <<'B'
#!/bin/bash
[ -z "${HCSJ_PID-}" ] || exit 200
answer=$(echo ask | "$HCSJ_IMAGE")
[ "$answer" -lt "$LIMIT" ] && [ "$answer" != "${BUT-none}" ]
B
chmod +x ask runs
nobody_is_left() { ! pgrep -f "$work/program.hot" >/dev/null; }

# Fresh processes, with whatever words as arguments of the command.
export LIMIT=13
AUDIBLE=1 hcs 0 bisect --arg to --arg from --test ./ask --json 'two words' ';' '$(touch bad)'
says "the first bad update" "update 13 is the first at which it fails"
says "what it changed" "moved +function +value"
says "what it was for" "value 13"
check "no shell has seen the arguments" test ! -e bad
same "the arguments of the command" "$(head -n 1 seen)" "0 0 pid 0 $work/program.hcsj --json two words ; \$(touch bad)"
check "process and image were at the update" awk '$1 != $2 || $1 != $4 { exit 1 }' seen
same "what the command prints is on standard error" "$(sort -u err.txt)" "heard by the user"
check "no process is left behind" await nobody_is_left
rm seen
hcs 0 bisect --json --arg to --arg from --test ./ask
json "as an object" "o['first']['number'] == 13 and o['direction'] == 'forward' and o['good']['number'] == 12
  and o['bad']['number'] == 13 and o['atoms'][0]['atom']['name'] == 'value' and 'target' not in o"
json "so many steps as it takes" "len(o['tests']) <= 4 + 2 and len({t['position']['number'] for t in o['tests']}) == len(o['tests'])"
for limit in 1 7 16; do
  LIMIT=$limit hcs 0 bisect --json --file --test ./runs
  json "the first bad one is $limit" "o['first']['number'] == $limit and len(o['tests']) <= 6"
done
LIMIT=5 hcs 0 bisect --json --file --good 3 --bad 7 --test ./runs
json "between two updates" "o['first']['number'] == 5 and len(o['tests']) <= 4"

# What the command cannot tell.
SKIP=14 hcs 0 bisect --json --arg to --arg from --test ./ask
json "one that is skipped" "o['first']['number'] == 13 and {'skipped'} == {t['verdict'] for t in o['tests'] if t['position']['number'] == 14}"
SKIPS="11 12 13 14" hcs 0 bisect --json --arg to --arg from --test ./ask
json "the suspects that remain" "'first' not in o and [p['number'] for p in o['suspects']] == [11, 12, 13, 14, 15]"
SKIPS="11 12 13 14" hcs 0 bisect --arg to --arg from --test ./ask
says "the suspects in words" "one of these.*update 11, update 12, update 13, update 14, update 15"
SKIP=16 hcs 1 bisect --arg to --arg from --test ./ask
complains "the end cannot be told" "cannot tell whether update 16"

# What is refused.
LIMIT=0 hcs 1 bisect --file --test ./runs
complains "it fails from the beginning" "fails at the base image already"
LIMIT=99 hcs 1 bisect --file --test ./runs
complains "it never fails" "succeeds at the base image and at update 16"
hcs 1 bisect --file --good 15 --bad 3 --test ./runs
complains "the wrong way round" "fails at update 15 and succeeds at update 3"
hcs 1 bisect --file --good 3 --bad 3 --test ./runs
complains "nothing between" "nothing lies between"
BUT=4 hcs 1 bisect --file --every --test ./runs
complains "works, fails, works" "works again.*3 good, 4 bad, 5 good"
hcs 0 bisect --json --file --every --test ./runs
json "every update" "o['first']['number'] == 13 and len(o['tests']) == 17"
hcs 1 bisect --file --test ./absent
complains "no such command" "absent: No such file"
hcs 64 bisect --file
complains "no command" "--test COMMAND"
hcs 64 bisect --file --pid 1 --test true
complains "two subjects" "exclude each other"
ABORT=12 hcs 1 bisect --arg to --arg from --test ./ask
complains "a signal ends the search" "ended the search at update 12 \(signal 15\)"
check "no process is left behind by it" await nobody_is_left
cat >sleeps <<'B'
#!/bin/bash
echo "$PPID $HCSJ_PID" >parent
exec sleep 600
B
chmod +x sleeps
"$tool" bisect --arg to --arg from --test ./sleeps >out.txt 2>err.txt &
search=$!
await [ -s parent ]
kill -TERM "$search"
status=0
wait "$search" || status=$?
err=$(cat err.txt)
same "asked to end, it ends" "$status" 1
complains "asked to end, it says so" "sent signal 15"
check "and its process with it" await test ! -e "/proc/$(cut -d' ' -f2 parent)"
check "and its files" test -z "$(find "${TMPDIR-/tmp}" -maxdepth 1 -name 'hcs-journal-*' -newer parent -print -quit)"

# A running process: taken there in place, and left at the last good update.
./program.hot to from &
pid=$!
started+=("$pid")
hcs 0 replay --pid "$pid"
rm -f seen
LIMIT=8 hcs 0 bisect --pid "$pid" --test ./ask
says "found in the process" "update 8 is the first at which it fails"
check "the same process all the time" awk '$1 != $2 { exit 1 }' seen
echo ask >to
read -r answer <from
same "it stands at the last good update" "$answer" 7
hcs 0 verify --pid "$pid" --json
json "and is as recorded there" "o['targets'][0]['position']['number'] == 7 and o['targets'][0]['mismatches'] == []"
LIMIT=4 hcs 0 bisect --json --pid "$pid" --test ./ask
json "bad is where it stands" "o['first']['number'] == 4 and o['target']['to']['number'] == 3 and len(o['tests']) <= 5"
ABORT=12 hcs 1 bisect --bad 16 --pid "$pid" --test ./ask
echo ask >to
read -r answer <from
same "after a search that ended it stands where it stood" "$answer" 3
cat >ends <<'B'
#!/bin/bash
[ "$HCSJ_UPDATE" -lt 10 ] || kill -9 "$HCSJ_PID"
[ "$HCSJ_UPDATE" -lt 10 ]
B
chmod +x ends
hcs 1 bisect --bad 16 --pid "$pid" --test ./ends
complains "the process ended" "pid $pid"

# Branches: from a good update of one to a bad one of another, by the update that both follow.
value 100
hcs 0 record value.o --onto 5 -m "another branch"
value 101
hcs 0 record value.o -m "further on it"
LIMIT=100 hcs 0 bisect --json --file --good 16 --bad 18 --test ./runs
json "over the fork" "o['first']['number'] == 17 and o['good']['number'] == 5"
cat >least <<'B'
#!/bin/bash
[ "$(echo ask | "$HCSJ_IMAGE")" -ge 14 ]
B
chmod +x least
hcs 0 bisect --json --file --good 16 --bad 5 --test ./least
json "what is missed when it is taken back" "o['first']['number'] == 14 and o['direction'] == 'backward' and o['good']['number'] == 14"
hcs 0 bisect --file --good 16 --bad 5 --test ./least
says "in words" "fails from where update 14 is taken back"
end_checks
