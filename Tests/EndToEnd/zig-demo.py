#!/usr/bin/env python3
"""The self-hosted Zig compiler patches its output in place; every patch is recorded, replayed and taken back.

First on Mach-O for arm64, where no process runs here; then on x86_64-linux, where one follows live. All that is shown is
checked, and the first thing that is not as told ends the demo with status 1.
"""

import pathlib
import re
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "zig"))

import program  # noqa: E402
from compiler import compiler  # noqa: E402
from journal import Journal  # noqa: E402
from live import Process  # noqa: E402

VERSION = "0.10.1.post1"
EDITS = program.EDITS[:6]
ADDRESS = "0x[0-9a-f]+"
# What the author of that linker wrote by hand.
MOVE = rf"^  bar {ADDRESS} -> {ADDRESS}, GOT cell {ADDRESS} rewritten, addToBar untouched$"


class NotAsTold(Exception):
    pass


class Told:
    """Checks that end the demo."""

    def check(self, holds, what, detail=""):
        if not holds:
            raise NotAsTold(f"{what}\n{detail}")
        return True


def told(what):
    print(f"  ✓ {what}", flush=True)


def tell(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def answers(process, told_to):
    keys = [key for key in ("a", "b", "t") if key in process.meaning.state["commands"]]
    found = {process.meaning.state["commands"][key]: process.ask(key) for key in keys}
    wanted = {process.meaning.state["commands"][key]: process.meaning.answer(key) for key in keys}
    told_to.check(found == wanted, "the process computes", f"  is      {found}\n  must be {wanted}")
    told("the process: " + ", ".join(f"{name} = {value}" for name, value in found.items()))


def session(tool, target, work):
    told_to = Told()
    folder = work / target
    folder.mkdir()
    source, state = folder / "hot.zig", program.program()
    source.write_text(program.text_of(state, VERSION, target, "the beginning"))
    zig = compiler(VERSION, target, source, folder)
    process = None
    try:
        told_to.check(zig.update(), "it compiles", zig.text)
        journal = Journal(tool, folder / "hot.hcsj", told_to)
        print(journal.must("init", "init", "--observe", zig.image), end="")
        first, follower = folder / "first", folder / "copy"
        shutil.copy(zig.image, first)
        shutil.copy(zig.image, follower)
        states = [program.kept(state)]
        if target == "x86_64-linux":
            process = Process(journal, ["--to", "0"])
            process.meaning.become(states[0])
            answers(process, told_to)
        for number, (why, change) in enumerate(EDITS, 1):
            tell(f"{target}: {why}")
            change(state)
            source.write_text(program.text_of(state, VERSION, target, why))
            told_to.check(zig.update(), "it compiles", zig.text)
            said = journal.must(why, "record", "--observe", zig.image, "-m", why)
            print(said, end="")
            if why == "bar grows":
                told_to.check(re.search(MOVE, said, re.M), "bar moves by its cell", said)
                told("one function moved, one cell was rewritten, its caller does not know")
            journal.must(why, "replay", "--image", follower)
            told_to.check(follower.read_bytes() == zig.image.read_bytes(), "replayed bit for bit")
            told("a copy of the first image, replayed: the compiler's output bit for bit")
            states.append(program.kept(state))
            if process:
                journal.must(why, "replay", "--pid", process.pid)
                process.meaning.become(states[number])
                answers(process, told_to)
        tell(f"{target}: all of it is taken back")
        journal.must("back", "rollback", "--to", 0, "--image", follower)
        told_to.check(follower.read_bytes() == first.read_bytes(), "rolled back bit for bit")
        told("the copy is the first image again, byte for byte")
        if process:
            print(journal.must("back", "rollback", "--to", 0, "--pid", process.pid), end="")
            process.meaning.become(states[0])
            answers(process, told_to)
            told("the process computes as at the beginning; what it has counted, it keeps")
        print(journal.must("log", "log"), end="")
    finally:
        if process:
            process.end()
        zig.close()


def main():
    tool = pathlib.Path(sys.argv[1]).resolve()
    work = pathlib.Path(tempfile.mkdtemp())
    try:
        for target in ("aarch64-macos", "x86_64-linux"):
            tell(f"zig {VERSION} for {target}, one compiler process, rewriting one image.")
            session(tool, target, work)
    except NotAsTold as failure:
        print(f"NOT AS TOLD: {failure}\nfiles are kept in {work}", file=sys.stderr)
        sys.exit(1)
    shutil.rmtree(work)
    tell("All was as told.")


if __name__ == "__main__":
    main()
