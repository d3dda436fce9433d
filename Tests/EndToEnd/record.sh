#!/bin/bash
# `record`: what is told, kept and refused.
source "$(dirname "$0")/support/checks.bash"
adopted 0

hcs 0 record answer.o
says "the same object again is no update" "nothing has changed"
hcs 0 log --json
json "nothing was recorded" "o['updates'] == []"

object 1
hcs 0 record answer.o --dry-run --json
json "a dry run tells the atoms" \
  "o['dryRun'] and o['changed'] and 'update' not in o and [a['atom']['name'] for a in o['atoms']] == ['answer']"
hcs 0 log --json
json "and records nothing" "o['updates'] == []"
hcs 0 record answer.o -m "first" --source-rev r1 --author ana --json
json "the update" \
  "o['update']['number'] == 1 and o['update']['message'] == 'first' and o['update']['author'] == 'ana'
   and o['update']['sourceRevision'] == 'r1' and o['update']['parent'] == 0"
json "the atom" \
  "o['atoms'][0]['change'] == 'moved' and o['atoms'][0]['before']['address'] != o['atoms'][0]['after']['address']"
json "members" "set(o) == {'journal', 'dryRun', 'changed', 'parent', 'update', 'atoms', 'guards', 'operationCount',
  'notes', 'targets'}"
hcs 0 record answer.o
says "recorded already" "nothing has changed since update 1"

object 2
hcs 0 record answer.o -m "second"
says "a new function" "added +function +added"
says "a new variable" "added +variable +step"
hcs 0 record answer.o -m "beside it" --parent 1
says "another branch" "recorded update 3, after update 1"

object 9
hcs 1 record answer.o -m "refused"
complains "a variable whose size changed" "base"
hcs 1 record answer.o --dry-run
complains "the dry run gives the same answer" "base"
hcs 1 record answer.o --json
json "as an object" "o['error']['module'] == 'linker' and o['error']['code'] == 'variableSizeChanged'" err
hcs 0 log --json
json "refused is not recorded" "[u['number'] for u in o['updates']] == [3, 2, 1]"
hcs 1 record absent.o
complains "no such object" "absent.o"
hcs 1 record program
complains "a linked program is no object" "program"
hcs 1 record answer.o --parent 7
complains "no such parent" "update 7"

object 3
cp program.hot program.before
start ./program.hot
ask ask
same "before" "$answer" "1 0"
hcs 0 record answer.o -m "third" --parent 2 --pid "$pid" --json
json "recorded and applied" "o['targets'][0]['to']['number'] == 4 and o['targets'][0]['updates'] == [[1, 2], [4, 4]]"
ask ask
same "it runs, state kept" "$answer" "2 3007"
check "the file was not named and stays" cmp program.hot program.before
object 1
hcs 1 record answer.o -m "no such process" --pid 4194304
complains "a target that is not there" "no such process"
hcs 0 log -n 1 --json
json "the update is kept all the same" "o['updates'][0]['number'] == 5"
end_checks
