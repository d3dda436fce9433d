#!/bin/bash
# Every function of a real C++ program at once: Debian's ninja with its own tests (385 of them; exceptions, templates, virtual
# tables, static locals of inline functions), built without optimization, becomes the optimized one by a single update, as a file
# and as a fresh process, and goes back.
#
# usage: whole-program.sh TOOL [COMPILER [FROM [TO]]]     g++ -O0 -O1 unless told otherwise
source "$(dirname "$0")/support/checks.bash"
compiler=${2:-g++} from=${3:--O0} to=${4:--O1}

cache=$(cd "$here/../.." && pwd)/.build-ninja
"$here/support/fetch-source" ninja-build "$cache" >fetch.txt 2>&1 || bad "the source" "$(tail -n 5 fetch.txt)"
src=$cache/source/src

names() {
  local name
  for name in build_log build clean clparser debug_flags depfile_parser deps_log disk_interface dyndep dyndep_parser \
    edit_distance eval_env graph graphviz json lexer line_printer manifest_parser metrics missing_deps parser state status \
    string_piece_util subprocess-posix util version test; do
    echo "$name"
  done
  for name in "$src"/*_test.cc; do
    name=$(basename "$name" .cc)
    # Those of Windows.
    case $name in msvc_* | includes_*) ;; *) echo "$name" ;; esac
  done
}

# objects FOLDER FLAG: all of them, kept for the next run.
objects() {
  [ -e "$1/done" ] && return
  mkdir -p "$1"
  names | xargs -P 2 -I{} "$compiler" "$2" -g -w -ffunction-sections -falign-functions=16 -DUSE_PPOLL -c "$src/{}.cc" \
    -o "$1/{}.o" && touch "$1/done"
}

built=$cache/$compiler
check "objects without optimization" objects "$built$from" "$from"
check "objects with it" objects "$built$to" "$to"
cp -r "$built$from" objects
rm objects/done
check "the program" "$compiler" objects/*.o -o program -lpthread -Wl,--build-id
mkdir scratch

# tests PROGRAM…: the last line of what it says of its own tests.
tests() { (cd scratch && timeout 900 "$@" 2>&1 </dev/null | tail -n 1); }

same "the program's own tests" "$(tests ../program)" passed
hcs 0 init program
export HCS_JOURNAL=$PWD/program.hcsj
cp program.hot base.hot
same "those of the prepared image" "$(tests ../program.hot)" passed

cp "$built$to"/*.o objects
hcs 0 record objects/*.o -m "optimize"
says "thousands of atoms" "^recorded update 1, after the base image: [0-9]{4,} atoms"
hcs 0 replay --image program.hot
same "the file after the update" "$(tests ../program.hot)" passed
same "a fresh process after the update" "$(tests "$tool" run)" passed
hcs 0 record objects/*.o
says "the same objects change nothing" "nothing was recorded"
cp "$built$from"/*.o objects
hcs 0 record objects/*.o -m "and back"
hcs 0 replay --image program.hot
same "the file after the way back by an update" "$(tests ../program.hot)" passed
hcs 0 rollback --to 0 --image program.hot
check "the file rolled back is exact" cmp program.hot base.hot
hcs 0 verify
end_checks
