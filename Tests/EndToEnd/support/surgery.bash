# The program of Tests/EndToEnd/surgery, whose edits are independent of each other. Sourced after checks.bash.

# compile FILE FLAG…: with $compiler, gcc where it is not set.
compile() {
  local source=$1
  shift
  "${compiler-gcc}" -O2 -g -ffunction-sections -fdata-sections -fno-ipa-ra -fno-section-anchors "$@" -c "$here/surgery/$source.c" -o "$source.o"
}

# answers IMAGE: what it says to one question, run by $runner where that is set.
answers() { echo ask | ${runner-} "$1"; }

# parts EDIT…: parts.c with these edits, as parts.o.
parts() {
  local edit flags=()
  for edit in "$@"; do flags+=("-DE$edit"); done
  compile parts "${flags[@]+"${flags[@]}"}"
}

# built NAME EDIT…: a clean build with these edits.
built() {
  local name=$1
  shift
  parts "$@"
  compile main
  "${compiler-gcc}" -Wl,--build-id main.o parts.o -o "$name"
}

# clean EDIT…: what a clean build with these edits answers.
clean() {
  built clean "$@"
  answers ./clean
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
