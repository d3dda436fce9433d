#!/usr/bin/env python3
"""An arena that is small at first, and many updates of a running program, each with a new function, new constants, a new variable and new
cells: when it is full it grows, in the process and in the file. Threads run and throw exceptions through new code all the while. Forward,
back, in a fresh process, in the file, and in a process of the unprepared image.

usage: growth-session.py TOOL [--edits N] [--arena SIZE] [--link FLAGS]

The last line is `N passed, N failed`.
"""

import argparse
import filecmp
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))

from live import PATIENCE, Program, Session  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parent / "arena" / "growth.cc"
FLAGS = ["-O2", "-g", "-ffunction-sections", "-fdata-sections", "-fno-ipa-ra", "-pthread"]
# Functions of the C library that no edit before has called.
IMPORTS = ["labs", "atoi", "toupper", "tolower", "isalpha", "isdigit", "isspace", "isupper", "islower", "ispunct", "isprint", "llabs"]

class Answering(Program):
    def answer(self):
        """Answer, thrown, depth, wrong; or what it said instead."""
        said = self.say("ask")
        try:
            return [int(word) for word in said.split()[1::2]]
        except ValueError:
            return said


def edit(number, chance):
    """A function of its own for the edit, with a table, a string, a variable and a local that must be cleaned up, and `work`, which
    calls it."""
    step = f"step{number}"
    table = ", ".join(str(number * 1000 + index) for index in range(chance.randrange(16, 120)))
    imported = IMPORTS[number % len(IMPORTS)]
    lines = "\n".join(f"  sum = sum * {number + 3} + {line};" for line in range(chance.randrange(20, 90)))
    argument = '"7"' if imported == "atoi" else "'7'"
    pathlib.Path(f"{step}.cc").write_text(f"""
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
void look(); void fail(int); void clean();
extern const int table{number}[] = {{ {table} }};
volatile long hits{number} = {number};
volatile long sum{number};
long (*volatile caller{number})(int);
struct Guard{number} {{ int throwing; ~Guard{number}() {{ if (throwing) clean(); }} }};
__attribute__((noinline)) long called{number}(int value) {{ return value + {imported}({argument}) * 0L; }}
__attribute__((noinline)) int {step}(int throwing) {{
  Guard{number} guard{{throwing}};
  volatile long sum = sum{number};
{lines}
  sum{number} = sum;
  caller{number} = called{number};
  if (hits{number} < {number}) return -1;
  hits{number} = hits{number} + 1;
  if (table{number}[hits{number} % 16] / 1000 != {number} || caller{number}({number}) != {number}) return -1;
  const char *volatile name = "the name of edit {number}";
  if (strcmp(strrchr(name, ' ') + 1, "{number}")) return -1;
  look();
  if (throwing) fail({number});
  return {number};
}}
""")
    pathlib.Path("work.cc").write_text(
        f"int {step}(int);\nint work(int throwing) {{\n  int answer = {step}(throwing);\n"
        f"  return answer == {number} ? answer : -1;\n}}\n")
    for name in (step, "work"):
        subprocess.run(["g++", *FLAGS, "-c", f"{name}.cc", "-o", f"{name}.o"], check=True)
    return [f"{step}.o", "work.o"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool", type=os.path.realpath)
    parser.add_argument("--edits", type=int, default=60)
    parser.add_argument("--arena", default="16K")
    parser.add_argument("--link", default="")
    options = parser.parse_args()
    session = Session(options.tool)
    check, tool = session.check, session.tool
    chance = random.Random(11)

    # Between edit 0, which is linked, and the others lies the program's own `work`.
    objects = edit(0, chance)
    subprocess.run(["g++", *FLAGS, "-c", SOURCE, "-o", "program.o"], check=True)
    subprocess.run(["g++", "-pthread", "-Wl,--build-id", *options.link.split(), "program.o", *objects, "-o", "program"], check=True)
    said = tool("init", "program", "--arena", options.arena)
    check("init tells by how much the arena grows", re.search(r"room for 16K of code, grows to \d+[KM]", said.stdout), said.stdout)
    shutil.copy("program.hot", "base.hot")
    first_length = os.path.getsize("program.hot")
    program = Answering(["./program.hot"])
    depth = program.answer()[2]
    target = ["--pid", program.pid]

    def stands_at(program, number, why):
        said = program.answer()
        check(f"{why}: the process answers {number}, throws it, is unwound, and no thread has got anything else",
              said == [number, number, depth, 0], said)

    def reserved():
        return sum(int(line[0].split("-")[1], 16) - int(line[0].split("-")[0], 16)
                   for line in program.maps() if line[1] == "---p" and line[-1].endswith("program.hot"))

    check("the process keeps addresses free for the arena, which allow nothing", reserved() >= 8 << 20, program.maps())
    stands_at(program, 0, "at first")

    grown_at = None
    for number in range(1, options.edits + 1):
        said = tool("record", *edit(number, chance), "-m", f"edit {number}")
        if "the arena is full and grows" in said.stdout:
            check("the arena grows once", grown_at is None, number)
            grown_at = number
            check("a dry run says what will be mapped", "untouched" not in tool("replay", "--dry-run", *target).stdout)
        tool("replay", *target)
        stands_at(program, number, "forward")
        if number % 29 == 0:
            back = chance.randrange(0, number)
            tool("rollback", "--to", str(back) if back else "base", *target)
            stands_at(program, back, "back")
            tool("verify", *target)
            tool("replay", *target)
            stands_at(program, number, "and forward again")
    check("the arena has grown", grown_at is not None, options.edits)
    grown_at = grown_at or 1
    check("what was kept free is in use", reserved() == 0, program.maps())
    check("nothing may be written and executed", not any("w" in line[1] and "x" in line[1] for line in program.maps()), program.maps())
    tool("verify", *target)

    # Names for what runs in grown room.
    record = tool("symbol", f"step{options.edits}").stdout
    address = re.search(r"0x[0-9a-f]+", record)
    check("the newest function has an address", address, record)
    if address:
        said = tool("at", address.group(), "--update", str(options.edits)).stdout
        check("at names it", f"step{options.edits}" in said, said)

    # The file: longer by the room, and as it was once it is back.
    for number in (grown_at - 1, grown_at, options.edits, grown_at - 1, options.edits):
        stood = re.search(r"at update (\d+)", tool("verify", "--image", "program.hot").stdout)
        way = "rollback" if stood and int(stood.group(1)) > number else "replay"
        tool(way, "--to", str(number), "--image", "program.hot")
        tool("verify", "--image", "program.hot")
        length = os.path.getsize("program.hot")
        check(f"the file at {number} is as long as it must be", (length > first_length) == (number >= grown_at), length)
        check(f"and takes no room for what is not used", os.stat("program.hot").st_blocks * 512 < 8 << 20)
        for reader in (["readelf", "-aW"], ["eu-elflint", "--gnu-ld"], ["llvm-readobj", "--all"]):
            if shutil.which(reader[0]) and reader[0] == "readelf":
                complaints = subprocess.run([*reader, "program.hot"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
                check(f"{reader[0]} finds nothing wrong at {number}", not complaints, complaints)
        fresh = Answering(["./program.hot"])
        stands_at(fresh, number, f"the file at {number}, run")
        fresh.end()

    # Cut inside what no update has used yet, where no comparison of bytes finds anything missing, it is no image any more.
    shutil.copy("program.hot", "cut.hot")
    os.truncate("cut.hot", length - 4096)
    for words in (["verify"], ["rollback"], ["replay"], ["rollback", "--to", "base"]):
        said = tool(*words, "--image", "cut.hot", status=1)
        check(f"{words[0]} finds a grown file cut short", f"cut short: {length - 4096} bytes of {length}" in said.stderr, said.stderr)
    check("and leaves it as it is", os.path.getsize("cut.hot") == length - 4096)

    # A process that was started before the arena grew, from a file that has not, goes forward and back; one that has grown as well.
    tool("rollback", "--to", "base", "--image", "program.hot")
    check("the file is the base's, byte for byte", filecmp.cmp("program.hot", "base.hot", shallow=False))
    fresh = Answering(["./program.hot"])
    tool("replay", "--pid", fresh.pid)
    stands_at(fresh, options.edits, "a process that gets all updates in one step")
    tool("rollback", "--to", "base", "--pid", fresh.pid)
    stands_at(fresh, 0, "and loses them")
    tool("verify", "--pid", fresh.pid)
    fresh.end()
    for number in (grown_at - 1, grown_at, options.edits):
        for words in (["--to", str(number)], ["--to", str(number), "--no-aslr"]):
            said = subprocess.run([options.tool, "run", *words], input="ask\n", capture_output=True, text=True, timeout=PATIENCE)
            check(f"run {' '.join(words)}", said.stdout.split() == ["answer", str(number), "thrown", str(number), "depth", str(depth), "wrong", "0"],
                  said.stdout + said.stderr)
    unprepared = Answering(["./program", "quiet"])
    tool("replay", "--pid", unprepared.pid)
    said = unprepared.answer()
    check("a process of the unprepared image", said[:2] == [options.edits] * 2 and said[3] == 0, said)
    tool("rollback", "--to", "base", "--pid", unprepared.pid)
    unprepared.end()

    # A tool that is killed while it has the room mapped, or at any other time: the next one brings the process on.
    for _ in range(8):
        fresh = Answering(["./program.hot"])
        stands_at(fresh, 0, "before the tool is killed")
        mover = subprocess.Popen([options.tool, "replay", "--to", str(grown_at), "--pid", fresh.pid], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.02, 0.4))
        mover.kill()
        mover.wait()
        tool("verify", "--repair", "--pid", fresh.pid)
        tool("replay", "--to", str(grown_at), "--pid", fresh.pid)
        stands_at(fresh, grown_at, "after the tool was killed")
        fresh.end()

    # The way over the growth in one step, and without the updates that it stands for.
    way = f"{grown_at - 1}..{options.edits}"
    tool("squash", way)
    tool("prune", way)
    tool("verify", *target)
    tool("replay", "--to", str(options.edits), "--image", "program.hot")
    fresh = Answering(["./program.hot"])
    stands_at(fresh, options.edits, "the file by one step for many, run")
    tool("rollback", "--to", str(grown_at - 1), "--pid", fresh.pid)
    stands_at(fresh, grown_at - 1, "and back by one")
    fresh.end()
    tool("rollback", "--to", "base", "--image", "program.hot")
    check("the file is the base's after it", filecmp.cmp("program.hot", "base.hot", shallow=False))

    # Another branch from before the arena grew, where cursors are behind where the file ends.
    tool("rollback", "--to", str(grown_at - 1), *target)
    stands_at(program, grown_at - 1, "at the fork")
    said = tool("record", *edit(9000, chance), "--onto", str(grown_at - 1), "-m", "branch")
    check("the branch grows by itself", "the arena is full and grows" in said.stdout, said.stdout)
    tool("replay", "--to", str(options.edits + 1), *target)
    stands_at(program, 9000, "on the branch")
    tool("replay", "--to", str(options.edits + 1), "--image", "program.hot")
    fresh = Answering(["./program.hot"])
    stands_at(fresh, 9000, "the file on the branch, run")
    fresh.end()
    tool("rollback", "--to", "base", "--image", "program.hot")
    check("the file is the base's again", filecmp.cmp("program.hot", "base.hot", shallow=False))
    tool("replay", "--to", str(options.edits), *target)
    stands_at(program, options.edits, "and over to the first branch")
    tool("rollback", "--to", "base", *target)
    stands_at(program, 0, "at the base")
    tool("verify", *target)
    tool("verify")
    check("the program ends well", program.end() == 0)
    session.end()


if __name__ == "__main__":
    main()
