#!/bin/bash
# `run`: a fresh process at any update; streams, arguments, signals and exit status are the program's.
source "$(dirname "$0")/support/checks.bash"
adopted 2

same "at the newest" "$(printf 'ask\nask\n' | "$tool" run)" "$(printf '1 2007\n2 2008')"
same "at update 1" "$(echo ask | "$tool" run --to 1)" "1 1000"
same "at the base image" "$(echo ask | "$tool" run --to 0)" "1 0"
same "from the image as linked" "$(echo ask | "$tool" run --from-original)" "1 2007"
same "by the other way of writing" "$(echo ask | "$tool" run --write-method protect)" "1 2007"
same "its arguments" "$(echo arguments | "$tool" run --to 1 -- -x 'two words' --to)" \
  "$(printf '[-x]\n[two words]\n[--to]')"
same "standard error is passed on, and nothing added" "$(echo warn | "$tool" run 2>&1)" "warned"
status() {
  local found=0
  printf '%s\n' "$1" | "$tool" run >/dev/null 2>&1 || found=$?
  same "status of: $1" "$found" "$2"
}
status "exit 0" 0
status "exit 7" 7
status "exit 64" 64
status "die 9" 137
status "die 6" 134

first=$(echo address | "$tool" run --no-aslr)
same "without ASLR the address stays" "$(echo address | "$tool" run --no-aslr)" "$first"
same "as without us" "$first" "$(echo address | setarch -R ./program.hot)"
addresses=$(for _ in 1 2 3 4; do echo address | "$tool" run; done | sort -u | wc -l)
check "with ASLR it does not" test "$addresses" -gt 1

for signal in TERM HUP INT; do
  mkfifo "input-$signal"
  # A job in the background ignores SIGINT, and one of nohup(1) SIGHUP, unless it is told otherwise.
  env --default-signal=INT,HUP "$tool" run <"input-$signal" >"output-$signal" &
  runner=$!
  started+=("$runner")
  exec 7>"input-$signal"
  echo ask >&7
  await [ -s "output-$signal" ]
  kill "-$signal" "$runner"
  found=0
  { wait "$runner" || found=$?; } 2>wait.txt
  same "SIG$signal is passed on" "$found" "$((128 + $(kill -l "$signal")))"
  exec 7>&-
done

hcs 125 run --to 9
complains "a failure of ours" "update 9"
hcs 64 run --no-such-option
mv program.hot away
hcs 125 run
complains "no image" "program.hot"
end_checks
