#!/bin/bash
# Backtraces and cancelled threads through new bodies: in the file, in a process, in bodies that were taken back, and
# where branches share the unwind table.
source "$(dirname "$0")/support/checks.bash"

for edit in 0 1 2; do
  gcc -O2 -g -fexceptions -ffunction-sections -fno-ipa-ra -DEDIT=$edit -c "$here/program/frames.c" -o "frames$edit.o"
done
gcc -Wl,--build-id -rdynamic frames0.o -o frames -pthread
hcs 0 init frames
export HCS_JOURNAL=frames.hcsj
cp frames.hot base.hot
hcs 0 record frames0.o
says "the image's own object changes nothing" "nothing"

answers() { printf '%s\n' "${@:2}" | "$1"; }
clean() { gcc -rdynamic "frames$1.o" -o "clean$1" -pthread && answers "./clean$1" say thread cancel; }

hcs 0 record frames1.o -m one
hcs 0 record frames2.o -m two
for number in 1 2 0; do
  verb=replay
  [ "$number" -ne 0 ] || verb=rollback
  hcs 0 "$verb" --to "$number" --image frames.hot
  same "the file at update $number" "$(answers ./frames.hot say thread cancel)" "$(clean "$number")"
done
check "the file rolled back is exact" cmp frames.hot base.hot
# Not on the way of update 2, whose entries of the table it has to keep apart from.
hcs 0 record frames2.o -m "another branch" --parent 0
says "a branch" "recorded update 3, after the base image"
hcs 0 replay --to 3 --image frames.hot
same "the file on a branch" "$(answers ./frames.hot say thread cancel)" "$(clean 2)"
check "readelf finds nothing wrong" sh -c '! readelf -aW frames.hot 2>&1 >/dev/null | grep .'
hcs 0 rollback --to 0 --image frames.hot
check "the branch rolled back is exact" cmp frames.hot base.hot

start ./frames.hot
for number in 1 2; do
  hcs 0 replay --to "$number" --pid "$pid"
  ask say
  same "the process at update $number" "$answer" "edit $number, reached"
done
ask thread
hcs 0 rollback --to 1 --pid "$pid"
says "a thread stays in the body taken back" "still in an old body: thread .* in wait_here\+0x[0-9a-f]+, update 2's"
ask cancel
same "it is cancelled there" "$answer" "cleaned 29, cancelled"
ask thread
hcs 0 rollback --to 0 --pid "$pid"
hcs 0 replay --to 3 --pid "$pid"
ask cancel
same "a thread in a body of another branch is cancelled" "$answer" "cleaned 18, cancelled"
ask say
same "the process on a branch" "$answer" "edit 2, reached"
ask thread
ask cancel
same "a thread in a body of the branch is cancelled" "$answer" "cleaned 29, cancelled"
hcs 0 verify --pid "$pid"
says "as recorded" "at update 3, as recorded"
hcs 0 rollback --to 0 --pid "$pid"
ask thread
ask cancel
same "the base image again" "$answer" "cleaned 7, cancelled"
ask say
same "its backtraces" "$answer" "edit 0, reached"

# A process of the unprepared image has no table that its unwinder would look at: updates go on without.
start ./frames
hcs 0 replay --to 2 --pid "$pid"
ask say
same "no way through a new body there" "$answer" "edit 2, lost"
hcs 0 verify --pid "$pid"
says "nothing is missing" "at update 2, as recorded"
hcs 0 rollback --to 0 --pid "$pid"
ask say
same "the base image's bodies are as before" "$answer" "edit 0, reached"

# A static image may have no table to add to: `init` says so, and updates go on without.
gcc -Wl,--build-id -static -Wl,--no-eh-frame-hdr frames0.o -o plain 2>link.txt
hcs 0 init plain
says "init names it" "no sorted unwind table"
hcs 0 record -j plain.hcsj frames1.o -m one
hcs 0 replay -j plain.hcsj --image plain.hot
same "it runs its update" "$(answers ./plain.hot say | cut -d, -f1)" "edit 1"

end_checks
