#!/usr/bin/env python3
"""A server under load follows edits of its source: Debian's Redis, with its event loop and background threads.

usage: redis-session.py TOOL [COMPILER [OPTIMIZATION]]     gcc -O2 unless told otherwise

Each edit is recorded into the running server while clients ask it without a pause; then it goes back and forth; then a file
image at each update is started afresh. Ends with `N passed, N failed`.
"""

import json
import pathlib
import shlex
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "redis"))

from edits import EDITS, LAYOUT, apply  # noqa: E402
from server import Load, Server  # noqa: E402

WORK = HERE.parent.parent / ".build-redis"
#: `MALLOC=libc`, for jemalloc has a build of its own.
FLAGS = ["MALLOC=libc", "USE_SYSTEMD=no", "V=1"]
#: What `answers` says after so many edits.
ANSWERS = [[":2", "+PONG", "its number", "yes"], [":11", "+PONG", "its number", "yes"],
           [":11", "counts", "its number", "yes"], [":11", "counts", "77", "yes"], [":11", "counts", "77", "yes"]]

passed = failed = 0


def check(holds, what, detail=""):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    if not holds:
        print(f"FAILED {what}\n  {detail}", flush=True)
    return holds


def same(got, wanted, what):
    check(got == wanted, what, f"is {got}, must be {wanted}")


class Build:
    """The sources, built once; then object by object with the very commands that make printed."""

    def __init__(self, compiler, optimization):
        work = WORK / f"{compiler}{optimization}"
        tree = work / "tree"
        self.folder = tree / "src"
        done = work / "built"
        if not done.exists():
            shutil.rmtree(tree, ignore_errors=True)
            subprocess.run([HERE / "support" / "fetch-source", "redis", WORK / "debian"], check=True, stdout=subprocess.DEVNULL)
            shutil.copytree(WORK / "debian" / "source", tree)
            flags = [f"CC={compiler}", f"OPTIMIZATION={optimization} -ffunction-sections", *FLAGS]
            output = subprocess.run(
                ["make", "-C", self.folder, "-j2", "redis-server", *flags], check=True, capture_output=True, text=True).stdout
            done.write_text(output)
        self.command = next(
            shlex.split(line) for line in done.read_text().splitlines() if line.endswith("-c server.c"))

    def compile(self, folder, name, output):
        # The last four words name the files.
        subprocess.run([*self.command[:-4], "-w", "-o", output, "-c", folder / name], cwd=self.folder, check=True)


def main():
    tool, compiler, optimization = (*sys.argv[1:], *["", "gcc", "-O2"][len(sys.argv) - 1:])
    build = Build(compiler, optimization)
    folder = WORK / "session"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    image = folder / "redis-server"
    shutil.copy(build.folder / "redis-server", image)
    journal = ["-j", folder / "redis.hcsj"]

    def run(command, *words):
        words = [str(word) for word in (tool, command, *journal, *words)]
        return subprocess.run(words, capture_output=True, text=True)

    def must(command, *words):
        result = run(command, *words)
        check(result.returncode == 0, f"{command} {' '.join(map(str, words))}", result.stderr)
        return result.stdout

    def move(at, to, *target):
        must("rollback" if to < at else "replay", *target, "--to", to)
        return to

    must("init", image)
    prepared = folder / "redis-server.hot"
    sources = folder / "src"
    shutil.copytree(build.folder, sources, ignore=shutil.ignore_patterns("*.o", "*.d", "redis-*"))

    server = Server(prepared, folder)
    server.client.ask("SET", "kept", "yes")
    loads = [Load(server.port, seed) for seed in range(4)]
    for load in loads:
        load.start()
    target = ["--pid", server.process.pid]
    try:
        same(server.answers(), ANSWERS[0], "the server as it was built")
        for number, (title, edit) in enumerate(EDITS, 1):
            apply(edit, sources)
            objects = [folder / f"{number}-{name}.o" for name in edit]
            for name, output in zip(edit, objects):
                build.compile(sources, name, output)
            report = json.loads(must("record", *objects, *target, "-m", title, "--json"))
            same(server.answers(), ANSWERS[number], f"after edit {number}, {title}")
            print(f"{number}. {title}: {len(report['atoms'])} atoms", flush=True)
        standing = {thread["function"] for thread in report["targets"][0]["threadsInOldBodies"]}
        check("bioProcessBackgroundJobs" in standing, "threads that stand in old bodies are told", standing)
        at = len(EDITS)
        for to in [0, 4, 2, 3, 1, 4, 0, 4]:
            at = move(at, to, *target)
            same(server.answers(), ANSWERS[to], f"back and forth: {to}")
        must("verify", *target)

        apply(LAYOUT, sources)
        build.compile(sources, "networking.c", folder / "layout.o")
        refused = run("record", folder / "layout.o", *target)
        check(refused.returncode == 1 and "client" in refused.stderr, "a member in front is refused by name", refused.stderr)
        same(server.answers(), ANSWERS[4], "after the refusal")
    finally:
        troubles = [load.end() for load in loads]
        rounds = sum(load.rounds for load in loads)
        server.end()
    same(troubles, [None] * len(loads), "no client was told anything wrong")
    print(f"{rounds} rounds of {len(loads)} clients", flush=True)

    copy = folder / "copy"
    shutil.copy(prepared, copy)
    at = 0
    for to in [1, 2, 3, 4, 2, 0]:
        at = move(at, to, "--image", copy)
        server = Server(copy, folder)
        server.client.ask("SET", "kept", "yes")
        same(server.answers(), ANSWERS[to], f"the file at {to}, started afresh")
        server.end()
    check(copy.read_bytes() == prepared.read_bytes(), "the file is what it was")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
