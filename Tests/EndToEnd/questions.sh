#!/bin/bash
# `at`, `symbol`, `diff`, `tag`, the filters of `log`, and branches: asked of a journal, a process and a core file.
source "$(dirname "$0")/support/checks.bash"
adopted 2
object 3
hcs 0 record answer.o -m "beside" --onto 1 --source-rev 1f3 --json
json "recording after an older update begins a branch" "o['parent']['number'] == 1 and o['update']['number'] == 3"

# Names for updates.
hcs 0 tag first 1
says "a tag is set" "first +update 1"
hcs 1 tag first 2
complains "a tag is not moved by accident" "hcs-journal tag --force first"
hcs 0 tag --force first head
hcs 0 tag -f first head~1 --json
json "a tag is moved" "[(t['name'], t['number']) for t in o['tags']] == [('first', 1)]"
hcs 1 tag 12
hcs 1 tag deadbeef
hcs 0 tag second 2
hcs 0 tag --delete second
hcs 1 tag --delete second
complains "no such tag" "no tag second"
hcs 0 show first
says "a tag names an update" "^update 1 "
digest=$("$tool" show 2 --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["digest"][:8])')
for name in 2 "$digest"; do
  hcs 0 show "$name"
  says "$name names update 2" "^update 2 "
done
hcs 0 show head --json
json "head is the newest" "o['number'] == 3"
hcs 0 show head~ --json
json "its parent" "o['number'] == 1"
hcs 1 show nobody
complains "a name that nothing has" "nobody"
hcs 1 show head~7
hcs 64 show head~x

# The log.
hcs 0 log --graph
says "a branch is drawn" "^\* +update 3 "
says "beside the other" "^\| \* update 2 "
says "and where it began" "^\|/"
says "with its tag" "^\* update 1 .*\[first\]"
for asked in "first..head:[3]" "2:[2, 1]" "2..3:[3]" "head..2:[2]" "..first:[1]" "base:[]"; do
  hcs 0 log "${asked%%:*}" --json
  json "log ${asked%%:*}" "[u['number'] for u in o['updates']] == ${asked#*:}"
done
hcs 0 log --symbol added --json
json "updates that changed a symbol" "[u['number'] for u in o['updates']] == [3, 2]"
hcs 0 log --grep BESIDE --json
json "by message" "[u['number'] for u in o['updates']] == [3]"
hcs 0 log --author "$(id -un)" --since 1h -n 2 --json
json "by author and time" "[u['number'] for u in o['updates']] == [3, 2]"
hcs 0 log --until 1h --json
json "an hour ago there was nothing" "o['updates'] == []"
hcs 0 log --author nobody --json
json "by another author" "o['updates'] == []"
hcs 64 log --since whenever
hcs 64 log --graph --grep x
hcs 1 log --symbol nobody

# Every body of a symbol.
hcs 0 symbol answer --json
json "every body, of every branch" "[(b['update'], b.get('change'), b['isCurrent'], b['isOnTheWay'])
  for b in o['symbols'][0]['bodies']] == [(0, None, False, True), (1, 'moved', False, True), (2, 'moved', False, False), (3, 'moved', True, True)]"
json "with source revision, message, digest, size and room" "(lambda b: b['sourceRevision'] == '1f3' and b['message'] == 'beside'
  and len(b['digest']) == 64 and 0 < b['placement']['byteCount'] <= b['placement']['capacity'])(o['symbols'][0]['bodies'][3])"
addresses=($(python3 -c 'import json, sys; print(*(b["placement"]["address"] for b in json.loads(sys.argv[1])["symbols"][0]["bodies"]))' "$out"))
# The digest of the base image's body is that of its bytes in the file.
wanted=$(python3 - "$out" <<'P'
import hashlib, json, subprocess, sys
place = json.loads(sys.argv[1])["symbols"][0]["bodies"][0]["placement"]
address, count = int(place["address"], 16), place["byteCount"]
for line in subprocess.run(["readelf", "-lW", "program"], capture_output=True, text=True).stdout.splitlines():
    word = line.split()
    if word[:1] == ["LOAD"] and int(word[2], 16) <= address < int(word[2], 16) + int(word[4], 16):
        start = int(word[1], 16) + address - int(word[2], 16)
        print(hashlib.sha256(open("program", "rb").read()[start:start + count]).hexdigest())
P
)
json "the digest is that of the bytes" "o['symbols'][0]['bodies'][0]['digest'] == '$wanted'"
hcs 0 symbol main
says "a symbol that no update has changed" "base +base +0x"
hcs 1 symbol nobody
complains "no such symbol" "nm -C"

# Between updates.
hcs 0 diff base 2 --json
json "the net effect" "{(a['atom']['name'], a['difference']) for a in o['atoms']}
  == {('answer', 'changed'), ('added', 'added'), ('step', 'added')}"
hcs 0 diff 2 3 --json
json "across branches" "{(a['atom']['name'], a['difference']) for a in o['atoms']}
  == {('answer', 'changed'), ('added', 'moved'), ('step', 'moved')}"
hcs 0 diff 2 2
says "nothing differs" "nothing differs"
hcs 0 diff 1 2 answer --width 100
says "side by side, targets by name" "mov eax, dword ptr \[base\] +\| \+0 +mov eax, dword ptr \[step\]"
says "what is the same is not marked" "ret {10,}[+]"
hcs 0 diff 2 3 answer --json
json "only the number differs" "[r['before']['text'] for r in o['symbols'][0]['rows'] if r['changed']] == ['add eax, 0x7d0']"
hcs 64 diff base 1 added
complains "a function that neither has" "added is no function at either"
hcs 1 diff 1 nobody

# Addresses.
line=$(grep -n "return 1000 \* EDIT + (int)base" "$here/program/answer.c" | cut -d: -f1)
hcs 0 at "${addresses[1]}" --update 1 --json
json "an address of an update's body" "(lambda a: (a['atom']['name'], a['update'], a['offset'], a['isCurrent'], a['message'])
  == ('answer', 1, 0, True, 'edit 1') and a['source']['line'] == $line and a['source']['file'].endswith('answer.c')
  and a['previous']['update'] == 0)(o['addresses'][0])"
hcs 0 at "${addresses[@]}" --update 2
says "an old body" "an old body: now at ${addresses[2]}"
says "the entry stub" "its bytes here were written by update 1"
says "another branch's is not there" "${addresses[3]}  \?\? "
wanted=$(addr2line -e program "${addresses[0]}")
hcs 0 at "${addresses[0]}" --update base --json
json "a line of the base image, as addr2line tells it" "'$wanted'.endswith('answer.c:%d' % o['addresses'][0]['source']['line'])"
hcs 0 at $(printf '%x' $((addresses[2] + 0x10000 + 6))) --slide 0x10000 --update 2
says "with a slide" "answer\+0x6"
hcs 0 at "${addresses[1]}" --time "$(date -d 'now + 1 minute' '+%F %T')" --json
json "at a time" "o['position']['number'] == 3"
hcs 1 at "${addresses[1]}" --time 1h
hcs 1 at 0x1
hcs 64 at xyz
hcs 64 at --pid 1 --slide 0 0x1

start ./program.hot
hcs 0 replay --to 2 --pid "$pid"
ask address
entry=$answer
slide=$((entry - addresses[0]))
body=$(printf '0x%x' $((addresses[2] + slide)))
printf '#0 %s in ?? ()\n  \xff[%s+0x10] abc 12 %s\nlast' "$entry" answer "${body#0x}" >trace.txt
"$tool" at --pid "$pid" <trace.txt >out.txt 2>err.txt
python3 - "$entry" "${body#0x}" <<'P' || bad "a backtrace of a process" "$(cat out.txt err.txt)"
import re, sys
text = open("out.txt", "rb").read()
first, second, last = text.split(b"\n")
assert re.fullmatch(rb"#0 %b <answer\+0x0, base, old body, answer.c:\d+> in \?\? \(\)" % sys.argv[1].encode(), first), first
assert re.fullmatch(rb"  \xff\[answer\+0x10\] abc 12 %b <answer\+0x0, update 2, answer.c:\d+>" % sys.argv[2].encode(), second), second
assert last == b"last", last
P
hcs 0 at --pid "$pid" "$body" --json
json "the process tells slide and update" "o['position']['number'] == 2 and o['slide'] == hex($slide)
  and o['addresses'][0]['update'] == 2"
ask ask
same "the process was not disturbed" "$answer" "1 2007"
gdb -q -batch -p "$pid" -ex "gcore live.core" >/dev/null 2>&1
hcs 0 at --core live.core "$body" --json
json "a core file tells slide and update" "o['position']['number'] == 2 and o['slide'] == hex($slide)
  and o['addresses'][0]['update'] == 2"
hcs 0 at --core live.core --threads --json
json "where its threads were" "[t['thread'] for t in o['threads']] == [$pid]"
"$tool" at --core live.core <trace.txt >out.txt
check "a backtrace of a core" grep -q "update 2, answer.c" out.txt
head -c 3000 live.core >cut.core
hcs 1 at --core cut.core "$body"
hcs 1 at --core program "$body"
complains "no core file" "no core file|not the kind of file"
exec 8>&- 9<&-

# Between branches: a process and a file.
start ./program.hot
hcs 0 replay --to 2 --pid "$pid"
ask ask
same "on the one branch" "$answer" "1 2007"
hcs 0 replay --to head --pid "$pid"
says "over to the other" "update 2 → update 3"
ask ask
same "on the other" "$answer" "2 3007"
hcs 0 replay --to "$digest" --pid "$pid"
ask ask
same "and back" "$answer" "3 2008"
hcs 0 rollback --to first --pid "$pid"
ask ask
same "where both began" "$answer" "4 1000"
cp program.hot first.hot
hcs 0 replay --to 2 --image program.hot
cp program.hot second.hot
hcs 0 replay --to 3 --image program.hot
same "the file on the other branch" "$(echo ask | ./program.hot)" "1 3007"
hcs 0 replay --to 2 --image program.hot
check "the file went over and back exactly" cmp program.hot second.hot
hcs 0 rollback --to base --image program.hot
check "and to the base" cmp program.hot first.hot
exec 8>&- 9<&-

# A core that the kernel writes, where it writes one to a file here.
pattern=$(cat /proc/sys/kernel/core_pattern)
if [[ $pattern != "|"* && $pattern != */* ]]; then
  ulimit -c unlimited
  mkdir fallen
  (cd fallen && printf 'ask\ndie 6\n' | "$tool" run -j ../program.hcsj --to 2 >/dev/null 2>&1)
  core=$(find fallen -type f | head -n 1)
  if [ -n "$core" ]; then
    hcs 0 at --core "$core" --threads --json
    json "the core of a crash tells its update" "o['position']['number'] == 2"
  fi
fi

# Names as the source has them.
cat >send.cpp <<'C'
namespace net { struct conn { int fd; int send(int); }; int count(const char *text) { return text[0]; } }
int net::conn::send(int number) { return fd + number * EDIT; }
C
cat >main.cpp <<'C'
namespace net { struct conn { int fd; int send(int); }; int count(const char *text); }
int main(int argc, char **argv) { return net::conn{argc}.send(3) + net::count(argv[0]); }
C
mkdir cpp
clang++ -O1 -g -ffunction-sections -DEDIT=1 -c send.cpp -o send.o && clang++ -O1 -c main.cpp -o main.o &&
  clang++ -Wl,--build-id main.o send.o -o cpp/names || bad "a C++ program" "not built"
export HCS_JOURNAL=cpp/names.hcsj
hcs 0 init cpp/names
clang++ -O1 -g -ffunction-sections -DEDIT=9 -c send.cpp -o send.o
hcs 0 record send.o -m "nine times"
says "decoded where it is listed" "moved +function +net::conn::send\(int\)"
for name in _ZN3net4conn4sendEi 'net::conn::send(int)' net::conn::send; do
  hcs 0 symbol "$name" --json
  json "$name" "[(s['atom']['name'], s['atom']['decoded'], len(s['bodies'])) for s in o['symbols']]
    == [('_ZN3net4conn4sendEi', 'net::conn::send(int)', 2)]"
  hcs 0 log --symbol "$name" --json
  json "log of $name" "[u['number'] for u in o['updates']] == [1]"
done
hcs 0 symbol net::count
says "by its name alone" "net::count\(char const\*\)"
hcs 1 symbol conn::send
hcs 0 diff base 1 net::conn::send
says "the code by its decoded name" "net::conn::send\(int\): [1-9]"
end_checks
