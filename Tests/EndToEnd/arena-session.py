#!/usr/bin/env python3
"""A small arena and many updates of one function, in a running program whose threads stand in old bodies: when there is no fresh room
left, room that no kept update needs is used again. Forward, back to any update, and to the base, in the process and in the file.

usage: arena-session.py TOOL [--edits N] [--arena SIZE] [--keep N]

The last line is `N passed, N failed`.
"""

import argparse
import filecmp
import os
import pathlib
import random
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))

from live import Program, Session  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parent / "arena"
FLAGS = ["-O2", "-g", "-ffunction-sections", "-fno-ipa-ra", "-pthread"]


def edit(number, chance):
    """`work` in its state of that number: bodies and frames of many sizes. The first ones are the longest: room is used again
    as a whole, and what outgrows all of it needs fresh room."""
    size = chance.randrange(30, 50) if number < 12 else chance.randrange(8, 30)
    lines = "\n".join(f"  sink = sink * {number + 3} + {line};" for line in range(size))
    frame = chance.randrange(1, 40)
    pathlib.Path("work.c").write_text(f"""
void look(int stay);
volatile long sink;
int work(int stay) {{
  volatile long frame[{frame}];
  frame[stay ? 0 : {frame - 1}] = {number};
{lines}
  look(stay);
  return frame[stay ? 0 : {frame - 1}];
}}
""")
    subprocess.run(["gcc", *FLAGS, "-c", "work.c", "-o", f"work{number}.o"], check=True)


def edit_aside(number):
    """`aside`, which changes twice and no more."""
    lines = "\n".join(f"  other = other * {number + 3} + {line};" for line in range(36))
    pathlib.Path("aside.c").write_text(f"volatile long other;\nint aside(void) {{\n{lines}\n  return {number};\n}}\n")
    subprocess.run(["gcc", *FLAGS, "-c", "aside.c", "-o", "aside.o"], check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool", type=os.path.realpath)
    parser.add_argument("--edits", type=int, default=60)
    parser.add_argument("--arena", default="16K")
    parser.add_argument("--keep", type=int, default=6)
    options = parser.parse_args()
    session = Session(options.tool)
    check, tool = session.check, session.tool
    chance = random.Random(7)

    def record(number, *words, **wanted):
        edit(number, chance)
        return tool("record", f"work{number}.o", "-m", f"edit {number}", "--keep", str(options.keep), *words, **wanted)

    edit(0, chance)
    edit_aside(0)
    subprocess.run(["gcc", *FLAGS, "-c", SOURCE / "program.c", "-o", "program.o"], check=True)
    subprocess.run(["gcc", "-pthread", "-Wl,--build-id", "program.o", "work0.o", "aside.o", "-o", "program"], check=True)
    tool("init", "program", "--arena", options.arena, "--growth", "0")
    shutil.copy("program.hot", "base.hot")
    program = Program(["./program.hot"])
    depth = program.say("ask").split()[3]
    target = ["--pid", program.pid]

    def stands_at(number, why):
        said = program.say("ask").split()
        check(f"{why}: the process answers {number}, and is unwound", said == ["answer", str(number), "depth", depth], said)

    for number in (1, 2):
        edit_aside(number)
        tool("record", "aside.o", "-m", f"aside {number}", *target)

    # Threads stand in old bodies that no update needs any more: the one that wants the room waits, names them, and goes on
    # when they have left.
    parked = reused = blocked = 0
    for number in range(1, options.edits + 1):
        result = record(number)
        reused += "takes the room of an old one" in result.stdout
        moved = session.run("replay", *target, "--timeout", "0.2" if parked else "120")
        if moved.returncode:
            blocked += 1
            check(f"edit {number} is held up by name",
                  parked and "blocked by thread" in moved.stderr and " in work+0x" in moved.stderr
                  and "untouched" in moved.stderr, moved.stderr)
            before = program.say("ask").split()[1]
            check("the process goes on as it was", before == str(number - 1), before)
            said = program.say("release")
            check("every thread ends in the body that it had entered", said == f"released {parked} of {parked}", said)
            parked = 0
            tool("replay", *target)
        stands_at(number, "forward")
        if number % 4 == 1:
            parked += 1
            check("a thread stays in the body", program.say("park") == f"parked {parked}")
        if number % 23 == 0:
            # Room that updates on the way have used again is given back, byte for byte.
            if parked:
                program.say("release")
                parked = 0
            back = chance.randrange(0, number)
            tool("rollback", "--to", str(back + 2) if back else "base", *target)
            stands_at(back, "back")
            tool("verify", *target)
            tool("replay", *target)
            stands_at(number, "and forward again")
    check("old room was used again, many times", reused >= options.edits // 2, reused)
    check("threads in old bodies were in the way", blocked, blocked)
    tool("verify", *target)
    if parked:
        program.say("release")

    # The file, and a fresh process at updates in the middle.
    tool("replay", "--image", "program.hot")
    tool("verify", "--image", "program.hot")
    fresh = Program(["./program.hot"])
    check("the file runs the newest", fresh.say("ask").split() == ["answer", str(options.edits), "depth", depth])
    fresh.end()
    for number in (options.edits // 2, options.edits // 3):
        tool("rollback", "--to", str(number + 2), "--image", "program.hot")
        fresh = Program(["./program.hot"])
        check(f"the file runs update {number}", fresh.say("ask").split() == ["answer", str(number), "depth", depth])
        fresh.end()

    # An update whose former body's room has other code now cannot be taken back alone.
    refused = tool("revert", "2", "--dry-run", status=1)
    check("it says where the former body stood", "has other code where the former body of aside stood" in refused.stderr,
          refused.stderr)

    # Another branch, from where the room was still the old body's.
    tool("rollback", "--to", str(options.edits // 3 + 2), *target)
    stands_at(options.edits // 3, "at the fork")
    record(9000, "--onto", str(options.edits // 3 + 2))
    tool("replay", "--to", str(options.edits + 3), *target)
    stands_at(9000, "on the other branch")
    tool("replay", "--to", str(options.edits + 2), *target)
    stands_at(options.edits, "and over to the first branch")

    # One step in place of those that used room again, which go: what has led into an old body since, nobody can tell any more.
    first, last = options.edits // 2 + 2, options.edits + 2
    tool("squash", f"{first}..{last}")
    tool("prune", f"{first}..{last}")
    tool("verify", *target)
    tool("rollback", "--to", str(first), *target)
    stands_at(options.edits // 2, "back by one step in place of many")
    tool("replay", "--to", str(last), *target)
    stands_at(options.edits, "and forward")
    tool("verify", *target)
    said = record(9001, "--onto", str(last), status=None)
    check("the next edit has room, or there is none and it says so",
          said.returncode == 0 or "the arena is full" in said.stderr, said.stdout + said.stderr)
    if said.returncode == 0:
        tool("replay", *target)
        stands_at(9001, "after many went")

    tool("rollback", "--to", "base", *target)
    stands_at(0, "at the base")
    tool("verify", *target)
    tool("rollback", "--to", "base", "--image", "program.hot")
    check("the file is the base's, byte for byte", filecmp.cmp("program.hot", "base.hot", shallow=False))
    check("the program ends well", program.end() == 0)
    session.end()


if __name__ == "__main__":
    main()
