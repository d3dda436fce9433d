# The program of Tests/EndToEnd/surgery, whose edits are independent of each other. Sourced after checks.bash.

# parts EDIT…: parts.c with these edits, as parts.o.
parts() {
  local edit flags=()
  for edit in "$@"; do flags+=("-DE$edit"); done
  gcc -O2 -g -ffunction-sections -fdata-sections -fno-ipa-ra "${flags[@]+"${flags[@]}"}" -c "$here/surgery/parts.c" -o parts.o
}

# built NAME EDIT…: a clean build with these edits.
built() {
  local name=$1
  shift
  parts "$@"
  gcc -O2 -g -ffunction-sections -fno-ipa-ra -c "$here/surgery/main.c" -o main.o
  gcc -Wl,--build-id main.o parts.o -o "$name"
}

# clean EDIT…: what a clean build with these edits answers.
clean() {
  built clean "$@"
  echo ask | ./clean
}

# adopted_parts N: the program adopted, update k having the edits 1 … k.
adopted_parts() {
  local number edits=()
  built program
  "$tool" init program >/dev/null || bad "init"
  for ((number = 1; number <= $1; number++)); do
    edits+=("$number")
    parts "${edits[@]}"
    "$tool" record parts.o -m "edit $number" --source-rev "r$number" >/dev/null || bad "record $number"
  done
}
