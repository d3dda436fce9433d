#!/usr/bin/env python3
"""Sessions of the self-hosted Zig compilers, which rewrite their output in place: observed, recorded, replayed.

One compiler lives through all edits of a session. After each, what it wrote is recorded (`record --observe`); a copy of
the first image follows update by update and must be the compiler's output bit for bit, and processes of the first
image follow live. At the end everything is replayed at once and rolled back.

Ends with `N passed, N failed` on a line of its own.
"""

import argparse
import pathlib
import re
import shutil
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "zig"))

import program  # noqa: E402
import small  # noqa: E402
from compiler import CompilerEnded, compiler  # noqa: E402
from journal import Journal  # noqa: E402
from live import Process, ProcessEnded  # noqa: E402

FULL = [("0.10.1.post1", "aarch64-macos"), ("0.10.1.post1", "x86_64-linux"), ("0.14.1", "x86_64-linux"),
        ("0.17.1", "x86_64-linux")]
SMALL = [("0.9.1", "x86_64-linux"), ("0.9.1", "x86_64-macos")]
SHORT = [("0.10.1.post1", "x86_64-macos"), ("0.10.1.post1", "aarch64-linux"), ("0.15.2", "x86_64-linux"),
         ("0.16.0", "x86_64-linux")]


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, holds, what, detail=""):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {what}\n  {detail}".rstrip(), flush=True)
        return bool(holds)

    def same(self, got, wanted, what):
        return self.check(got == wanted, what, f"is      {got}\n  must be {wanted}")


class Session:
    def __init__(self, tool, version, target, edits, work, checks):
        self.name = f"zig {version} {target}"
        self.version, self.target, self.edits, self.checks = version, target, edits, checks
        self.work = work / f"{version}-{target}"
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.source = self.work / "hot.zig"
        self.program = small if (version, target) in SMALL else program
        self.state = self.program.program()
        self.journal = Journal(tool, self.work / "hot.hcsj", checks)
        self.is_live = target == "x86_64-linux" and self.program is program
        self.last_live = None
        # The program and the image at each update.
        self.states, self.images = [], []
        self.processes, self.compiler = [], None

    def check(self, holds, what, detail=""):
        return self.checks.check(holds, f"{self.name}: {what}", detail)

    # The compiler

    def compile(self, text):
        self.source.write_text(text)
        return self.compiler.update()

    def begin(self):
        self.source.write_text(self.program.text_of(self.state, self.version, self.target, "the beginning"))
        self.compiler = compiler(self.version, self.target, self.source, self.work)
        self.check(self.compiler.update(), "the program compiles", self.compiler.text)
        self.image = self.compiler.image
        self.journal.must(self.name, "init", "--observe", self.image)
        self.keep()
        self.copy = self.work / "copy"
        shutil.copy(self.images[0], self.copy)

    def keep(self):
        kept = self.work / f"{len(self.images):02}"
        shutil.copy(self.image, kept)
        self.images.append(kept)
        self.states.append(program.kept(self.state))

    # One edit

    def edit(self, why, change):
        former = self.image.read_bytes()
        if change is None:
            compiles = self.compile(program.broken(self.state, self.version, self.target))
            self.check(not compiles, f"{why}: the compiler says so")
        else:
            change(self.state)
            compiles = self.compile(self.program.text_of(self.state, self.version, self.target, why))
            self.check(compiles, f"{why}: it compiles", self.compiler.text)
        self.record(why, self.image.read_bytes() == former, is_error=change is None)

    def record(self, why, is_identical, is_error):
        what = f"{self.name}: {why}"
        said = self.journal.json(what, "record", "--observe", self.image, "-m", why)
        self.checks.same(said.get("changed"), not is_identical, f"{what}: recorded only where the file changed")
        if is_identical:
            text = self.journal.must(what, "record", "--observe", self.image)
            self.checks.check("nothing was recorded" in text, f"{what}: the command says so", text)
            return
        self.check_atoms(why, said.get("atoms", []))
        number = said["update"]["number"]
        self.checks.same(number, len(self.images), f"{what}: its number")
        self.keep()
        self.journal.must(what, "replay", "--to", number, "--image", self.copy)
        self.check(self.copy.read_bytes() == self.images[number].read_bytes(), f"{why}: replayed bit for bit")
        if is_error or change_is_nothing(why):
            self.checks.same(said["atoms"], [], f"{what}: no atom is said to have changed")
        if self.is_live:
            self.check_image(number)
        if self.program is small and self.target.endswith("linux"):
            self.check_status(number)
        for process in list(self.processes):
            if program.moves_all(self.version, why):
                self.refuse(process, number)
            else:
                self.follow(process, "replay", number)

    def refuse(self, process, number):
        """A process that cannot follow is told so by name, stays where it is and lives."""
        output = self.journal.run("replay", "--to", number, "--pid", process.pid, "--timeout", "0.2")
        self.check(output.returncode == 1 and re.search(r"(variable|in) hot\.\w+|memory that the process uses otherwise", output.stderr),
                   f"{process.name} is refused update {number} by name", output.stderr + output.stdout)
        self.last_live = process.position
        self.guarded(process, lambda: self.compare(process, process.position))

    def check_atoms(self, why, atoms):
        changes = {atom["atom"]["name"].removeprefix("_"): atom["change"] for atom in atoms}
        for name, wanted in EXPECTED.get(why, {}).items():
            found = [change for atom, change in changes.items() if re.fullmatch(rf"(hot\.)?{name}", atom)]
            self.check(found and found[0] in wanted, f"{why}: {name} is {' or '.join(wanted)}", f"{changes}")

    def check_image(self, number):
        """The compiler's own image, from its beginning: what follows is measured by it."""
        meaning = program.Meaning()
        meaning.become(self.states[number])
        keys = list(self.states[number]["commands"])
        output = subprocess.run([self.images[number]], input="".join(keys).encode(), capture_output=True)
        found = [struct.unpack("<Q", output.stdout[at:at + 8])[0] for at in range(0, len(output.stdout) - 7, 8)]
        self.checks.same(found, [meaning.answer(key) for key in keys], f"{self.name}: the compiler's image {number}")

    def check_status(self, number):
        """A process of the first image is given the update while it waits, and ends as the update says."""
        process = Process(self.journal, ["--to", "0"])
        output = self.journal.run("replay", "--to", number, "--pid", process.pid)
        self.check(output.returncode == 0, f"a waiting process takes update {number}", output.stderr)
        process.child.stdin.close()
        self.checks.same(process.child.wait(timeout=300), self.states[number]["status"],
                         f"{self.name}: the process ends with the status of update {number}")

    def refuse_original(self):
        """A process of the very file that the compiler rewrites is left alone."""
        self.compiler.close()
        child = subprocess.Popen([self.image], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        output = self.journal.run("replay", "--pid", child.pid)
        self.check(output.returncode == 1 and "the very file that its compiler rewrites" in output.stderr,
                   "a process of the rewritten file is refused by name", output.stdout + output.stderr)
        child.stdin.close()
        self.check(child.wait(timeout=300) == 0, "and lives")

    # Processes of the first image

    def start(self):
        for options in (["--to", "0"], ["--to", "0", "--no-aslr"]):
            process = Process(self.journal, options)
            process.meaning.become(self.states[0])
            self.processes.append(process)
            self.guarded(process, lambda: self.compare(process, 0))

    def guarded(self, process, body):
        try:
            body()
        except ProcessEnded as ended:
            self.check(False, f"{process.name} lives at update {process.position}", str(ended))
            self.processes.remove(process)

    def follow(self, process, verb, number):
        what = f"{process.name}: {verb} to {number}"
        output = self.journal.run(verb, "--to", number, "--pid", process.pid)
        if not self.check(output.returncode == 0, what, output.stderr + output.stdout):
            process.end()
            return self.processes.remove(process)
        process.position = number
        process.meaning.become(self.states[number])
        self.guarded(process, lambda: self.compare(process, number))

    def compare(self, process, number):
        for key in self.states[number]["commands"]:
            wanted = process.meaning.answer(key)
            self.checks.same(process.ask(key), wanted, f"{self.name}: {process.name} at {number} computes {key}")

    # The end

    def back(self):
        for number in range(len(self.images) - 1, -1, -1):
            if number < len(self.images) - 1:
                self.journal.must(f"{self.name} back", "rollback", "--to", number, "--image", self.copy)
                self.check(self.copy.read_bytes() == self.images[number].read_bytes(), f"back at {number} bit for bit")
                for process in list(self.processes):
                    if number < process.position:
                        self.follow(process, "rollback", number)
        for process in list(self.processes):
            self.follow(process, "replay", self.last_live or len(self.images) - 1)

    def at_once(self):
        last = len(self.images) - 1
        other = self.work / "other"
        shutil.copy(self.images[0], other)
        self.journal.must(f"{self.name} at once", "replay", "--image", other)
        self.check(other.read_bytes() == self.images[last].read_bytes(), "replayed at once bit for bit")
        self.journal.must(f"{self.name} at once", "rollback", "--to", 0, "--image", other)
        self.check(other.read_bytes() == self.images[0].read_bytes(), "rolled back at once bit for bit")

    def fresh(self):
        for number in {0, len(self.images) // 2, self.last_live or len(self.images) - 1}:
            process = Process(self.journal, ["--to", str(number)])
            process.position = number
            process.meaning.become(self.states[number])
            self.processes.append(process)
            self.guarded(process, lambda: self.compare(process, number))
            if process in self.processes:
                process.end()
                self.processes.remove(process)

    def run(self):
        try:
            self.begin()
            if self.is_live:
                self.start()
            for why, change in self.edits:
                self.edit(why, change)
            self.at_once()
            self.back()
            if self.is_live:
                self.fresh()
            for command in (["log"], ["show", 1], ["verify"]):
                self.journal.must(self.name, *command)
            for process in self.processes:
                self.journal.must(f"{self.name}, {process.name}", "verify", "--pid", process.pid)
            if self.is_live:
                self.refuse_original()
        except CompilerEnded as ended:
            self.check(False, "the compiler lives", str(ended))
        finally:
            for process in self.processes:
                process.end()
            if self.compiler:
                self.compiler.close()


def change_is_nothing(why):
    return why == "nothing changes"


# What must be said of each edit, whichever way the compiler has of doing it.
EXPECTED = {
    "bar is rewritten in place": {"bar": ["rewritten"]},
    "bar grows": {"bar": ["moved", "rewritten"]},
    "bar shrinks": {"bar": ["rewritten", "moved"]},
    "its caller grows": {"addToBar": ["moved", "rewritten"]},
    "a function is added": {"twice": ["added"], "step": ["rewritten", "moved"]},
    "a global is added": {"extra": ["added"], "baz": ["moved", "rewritten"]},
    "a function is renamed": {"renamed": ["added"]},
    "a first value changes": {"seed": ["rewritten"]},
    "the data grow by pages": {"room": ["added"], "keep": ["added"]},
    "another function grows": {"last": ["moved", "rewritten"]},
    "the code grows by pages": {f"big{number}": ["added"] for number in range(8)},
}


def arguments():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tool", type=pathlib.Path, required=True, help="the hcs-journal to test")
    parser.add_argument("--only", default="", help="sessions whose `VERSION TARGET` holds this")
    parser.add_argument("--short", action="store_true", help="the first edits of each session only")
    parser.add_argument("--work", type=pathlib.Path, default=root / ".build-zig", help="where the images go")
    return parser.parse_args()


def main():
    options = arguments()
    checks = Checks()
    sessions = [(*pair, program.edits(*pair)) for pair in FULL] + [(*pair, program.EDITS[:program.SHORT]) for pair in SHORT] \
        + [(*pair, small.EDITS) for pair in SMALL]
    for version, target, edits in sessions:
        if options.only not in f"{version} {target}":
            continue
        edits = edits[:program.SHORT] if options.short else edits
        before = checks.passed, checks.failed
        Session(options.tool.resolve(), version, target, edits, options.work.resolve(), checks).run()
        print(f"zig {version} {target}: {checks.passed - before[0]} passed, {checks.failed - before[1]} failed",
              flush=True)
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
