#!/bin/bash
# `init`: what is made, what stays, what is refused.
source "$(dirname "$0")/support/checks.bash"
build_program
cp program program.as-linked

hcs 0 init program --objects program.o answer.o --json
json "the result's members" \
  "o['journal'] == 'program.hcsj' and o['base']['prepared'].endswith('/program.hot') and o['symbolCount'] > 0
   and set(o) == {'journal', 'base', 'symbolCount', 'notes'}"
check "the image is left alone" cmp program program.as-linked
check "the prepared image is executable" test -x program.hot
same "it runs as the image does" "$(printf 'ask\narguments\n' | ./program.hot a b)" \
  "$(printf 'ask\narguments\n' | ./program a b)"
check "the journal is the user's alone" test "$(stat -c %a program.hcsj)" = 600
(umask 077; "$tool" init program -o closed.hot -j closed.hcsj >/dev/null)
same "what the user's mask takes, the prepared image has not" "$(stat -c %a closed.hot)" 700
chmod 4755 program
hcs 0 init program -o plain.hot -j plain.hcsj
same "nor set-id bits, whatever the image has" "$(stat -c %a plain.hot)" 755
chmod 755 program
cp program.hot once.hot
hcs 1 init program
complains "a second time is refused" "program.hot.*already"
check "and changes nothing" cmp program.hot once.hot
hcs 0 init program -o other.hot -j other.hcsj
says "other names" "other.hot"
check "another prepared image" test -x other.hot
hcs 1 init absent
complains "no such image" "absent"
hcs 1 init answer.o -j x.hcsj
complains "an object file is no image" "answer.o"
hcs 1 init "$here/program/answer.c" -j x.hcsj
complains "nor is a source" "answer.c"
head -c 3000 program >short
hcs 1 init short --json
json "a truncated image is refused by name" "o['error']['module'] == 'linker' and 'short' in o['error']['message']" err
check "and leaves nothing behind" test ! -e short.hcsj -a ! -e short.hot -a ! -e x.hcsj
hcs 64 init program --objects absent.o -j x.hcsj -o x.hot
complains "an object that is not there" "absent.o"
end_checks
