#!/bin/bash
# Which journal a command is about: -j before and after the command, $HCS_JOURNAL, the only one in the folder.
source "$(dirname "$0")/support/checks.bash"
adopted 0
mkdir elsewhere

hcs 0 log
says "the only journal in the folder is taken" "^base"
cd elsewhere || exit 1
hcs 64 log
complains "none here" "no journal is named .*hcs-journal init"
hcs 0 log -j ../program.hcsj
hcs 0 -j ../program.hcsj log
hcs 0 --json --journal=../program.hcsj log
json "the options of all commands may stand in front" "o['journal'] == '../program.hcsj'"
HCS_JOURNAL=../program.hcsj hcs 0 log
says "the variable names it" "^base"
HCS_JOURNAL=../none.hcsj hcs 0 log -j ../program.hcsj
says "-j goes before the variable" "^base"
hcs 1 log -j none.hcsj
complains "one that is not there" "none.hcsj does not exist"
echo "not a journal" >other.hcsj
hcs 1 log
complains "something else" "not a journal"
cp ../program.hcsj .
hcs 64 log
complains "two in one folder" "several journals .*other.hcsj, program.hcsj"
hcs 64 log --json
json "an error is an object" "o['error']['code'] == 'severalJournals' and o['error']['exitStatus'] == 64" err
hcs 64 no-such-command
complains "wrong usage" "no-such-command"
hcs 64 log --no-such-option --json
json "wrong usage is an object too" "o['error']['code'] == 'usage'" err
hcs 0 --version
hcs 0 --help
says "help names the commands" "rollback"
end_checks
