# What the end-to-end tests of the command line share. Sourced with the tool's path as $1.
#
# A test makes checks, each told only when it fails, and ends with `end_checks`, which prints `N passed, N failed`.
set -uo pipefail

tool=$(realpath "${1:?usage: $0 TOOL}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
passed=0
failed=0
started=()
unset HCS_JOURNAL

cleanup() {
  local pid
  # The shell's own word on how its jobs ended is left out.
  for pid in "${started[@]+"${started[@]}"}"; do { kill -9 "$pid" && wait "$pid"; } 2>/dev/null; done
  if [ "$failed" -eq 0 ]; then rm -rf "$work"; else echo "files kept in $work"; fi
}
trap cleanup EXIT
cd "$work" || exit 1

good() { passed=$((passed + 1)); }
bad() {
  failed=$((failed + 1))
  echo "FAILED $1"
  shift
  printf '  %s\n' "$@"
}

# check NAME COMMAND…: the command succeeds.
check() {
  local name=$1
  shift
  if "$@" >check.out 2>&1; then good; else bad "$name" "$*: status $?" "$(cat check.out)"; fi
}

# same NAME FOUND WANTED
same() { if [ "$2" = "$3" ]; then good; else bad "$1" "is      $2" "must be $3"; fi; }

# hcs STATUS WORDS…: runs the tool, which must end with that status; its streams are in $out and $err.
hcs() {
  local wanted=$1 status=0
  shift
  "$tool" "$@" >out.txt 2>err.txt </dev/null || status=$?
  out=$(cat out.txt)
  err=$(cat err.txt)
  if [ "$status" -eq "$wanted" ]; then
    good
  else
    bad "hcs-journal $*" "status is $status, must be $wanted" "$out" "$err"
  fi
}

# says NAME PATTERN: standard output of the last run matches.
says() { if grep -Eq -- "$2" <<<"$out"; then good; else bad "$1" "no $2 in:" "$out" "$err"; fi; }

# complains NAME PATTERN: standard error of the last run matches, and begins as all our errors do.
complains() {
  if grep -Eq -- "$2" <<<"$err" && [[ $err == "hcs-journal: "* ]]; then good; else bad "$1" "no $2 in:" "$err"; fi
}

# json NAME EXPRESSION [err]: the last run's standard output (or error) is one JSON object o for which this holds.
json() {
  local text=$out
  [ "${3-}" != err ] || text=$err
  if python3 -c 'import json, sys; o = json.loads(sys.argv[1]); sys.exit(not eval("(" + sys.argv[2] + ")"))' "$text" "$2" 2>py.txt
  then good; else bad "$1" "not so: $2" "$text" "$(tail -n 1 py.txt)"; fi
}

# await COMMAND…: until it succeeds; a machine under load has its time, and the check that follows tells.
await() {
  local turn
  for ((turn = 0; turn < 3000; turn++)); do
    "$@" 2>/dev/null && return
    sleep 0.02
  done
  return 1
}
is_gone() { [ ! -e "/proc/$1" ]; }
# state_of PID: as proc(5) has it; empty where there is none.
state_of() { awk '/^State/ { print $2 }' "/proc/$1/status" 2>/dev/null; }
is_in_state() { [ "$(state_of "$1")" = "$2" ]; }

# object N [FILE]: answer.c in its N-th state.
object() {
  gcc -O2 -g -ffunction-sections -fno-ipa-ra -DEDIT="$1" -c "$here/program/answer.c" -o "${2-answer.o}"
}

# The example program, linked as `program`.
build_program() {
  object 0
  gcc -O2 -g -ffunction-sections -fno-ipa-ra -c "$here/program/program.c" -o program.o
  gcc -Wl,--build-id program.o answer.o -o program
}

# An adopted program with updates 1 … N.
adopted() {
  local number
  build_program
  "$tool" init program >/dev/null || bad "init"
  for ((number = 1; number <= ${1-0}; number++)); do
    object "$number"
    "$tool" record answer.o -m "edit $number" >/dev/null || bad "record $number"
  done
}

# start PROGRAM: as a process with id $pid that `ask` talks to.
start() {
  rm -f to from
  mkfifo to from
  "$1" <to >from &
  pid=$!
  started+=("$pid")
  exec 8>to 9<from
  # Until then it is this shell, about to execute the program.
  await is_started "$pid"
}
is_started() { [ "$(readlink "/proc/$1/exe")" != "$(readlink "/proc/$$/exe")" ]; }

# ask WORDS: one line to the process, its answer in $answer.
ask() {
  answer=
  printf '%s\n' "$1" >&8
  read -r -t 60 -u 9 answer || answer="(no answer)"
}

end_checks() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}
