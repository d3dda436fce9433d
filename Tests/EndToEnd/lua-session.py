#!/usr/bin/env python3
"""A hot-reload session of a real program: the Lua 5.4 interpreter of Debian, taken through successive edits.

Each edit is recorded from the objects that a compiler makes of it. Living interpreters follow while they work, then
fresh processes and file images at every update are compared with clean builds, and all is rolled back again.
Ends with `N passed, N failed` on a line of its own.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lua"))

from build import Configuration, Sources  # noqa: E402
from live import Ended, Session, transcript  # noqa: E402

# What the edits must hold at least, and the kind that an edit's header names it by.
DEMANDED = {"data": 19, "function": 12, "prototype": 2, "import": 2, "initial": 2, "static-local": 1, "gc-mark": 1}


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, holds, what, detail=""):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {what}\n{detail}".rstrip(), flush=True)
        return holds

    def same(self, got, wanted, what):
        return self.check(got == wanted, what, difference(got, wanted))


def difference(got, wanted):
    ours, theirs = got.splitlines(), wanted.splitlines()
    lines = [f"  is      {a}\n  must be {b}" for a, b in zip(ours, theirs) if a != b]
    lines += [f"  is      {a}" for a in ours[len(theirs):]] + [f"  must be {b}" for b in theirs[len(ours):]]
    return "\n".join(lines[:8])


class Oracle:
    """What clean builds print."""

    def __init__(self, configuration):
        self.configuration = configuration
        self.known = {}

    def everything(self, number):
        if number not in self.known:
            self.known[number] = of_program(self.configuration.program(number))
        return self.known[number]

    def answer(self, number, command):
        """The answer to one command of the fixed list: 0 probe, 1 state, 2 body, 3 load."""
        return self.everything(number)[0].split("#end\n")[["probe", "state", "body", "load"].index(command)]


def of_program(program):
    """The session, the version line, and a message under the built-in program name, which an empty argv[0] shows."""
    return (transcript([program]), transcript([program], ["-v"]), transcript([program], ["absent.lua"], name=""))


def check_oracle(checks, configuration, oracle, count):
    edits = configuration.sources.edits
    kinds = [kind for edit in edits for kind in edit.kinds]
    for kind, least in DEMANDED.items():
        checks.check(kinds.count(kind) >= least, f"at least {least} edits of kind {kind}")
    symbols = subprocess.run(["nm", configuration.program(0)], check=True, capture_output=True, text=True).stdout
    functions = len(re.findall(r"^\S+ [tT] ", symbols, re.M))
    print(f"{functions} functions", flush=True)
    for number in range(1, count + 1):
        name = edits[number - 1].name
        checks.check(oracle.everything(number) != oracle.everything(number - 1), f"{name} can be observed")
        checks.check("[status 0]" in oracle.everything(number)[0], f"{name} ends well", oracle.everything(number)[0])
        checks.same(oracle.answer(number, "load"), oracle.answer(0, "load"), f"{name} leaves the checksum alone")


class Tool:
    def __init__(self, path, journal):
        self.path, self.journal = path, journal

    def words(self, command, *arguments):
        return [str(word) for word in (self.path, command, "-j", self.journal, *arguments)]

    def run(self, command, *arguments):
        return subprocess.run(self.words(command, *arguments), capture_output=True, text=True, errors="replace")


class Run:
    """One session: the journal, the image, and the processes that follow."""

    def __init__(self, tool, configuration, oracle, checks, count):
        self.configuration, self.oracle, self.checks, self.count = configuration, oracle, checks, count
        self.folder = configuration.work / "session"
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(configuration.objects(0)[0], self.folder / "objects")
        self.image = self.folder / "lua"
        shutil.copy(configuration.program(0), self.image)
        self.tool = Tool(tool, self.folder / "lua.hcsj")
        self.prepared = self.folder / "lua.hot"
        self.copy = self.folder / "lua.copy"
        self.stop = self.folder / "stop"
        self.sessions = []

    def must(self, what, command, *arguments):
        """Runs the tool, which must succeed."""
        output = self.tool.run(command, *arguments)
        detail = f"  {command} {' '.join(map(str, arguments))}: status {output.returncode}\n{output.stderr}"
        return self.checks.check(output.returncode == 0, f"{what}: {command}", detail)

    def name(self, number):
        return self.configuration.sources.edits[number - 1].name if number > 0 else "00-base"

    # Before the first update

    def adopt(self):
        if not self.must("base", "init", self.image, "--objects", self.folder / "objects"):
            return False
        self.checks.same(transcript([self.prepared]), transcript([self.image]), "the prepared image runs as the base")
        shutil.copy(self.prepared, self.copy)
        return True

    def start(self):
        self.sessions = [
            Session("reader", [self.prepared]),
            Session("worker", [self.prepared]),
            Session("unprepared reader without ASLR", ["setarch", "-R", self.image]),
            Session("prompt", [self.prepared], prompt=True),
        ]
        for session in self.sessions:
            self.compare(session)

    # One update, forward or back

    def record(self, number):
        built, changed = self.configuration.objects(number)
        for name in changed:
            shutil.copy(built / f"{name}.o", self.folder / "objects")
        paths = [self.folder / "objects" / f"{name}.o" for name in changed]
        why = self.configuration.sources.edits[number - 1].why
        return self.must(self.name(number), "record", *paths, "-m", why)

    def move(self, verb, number):
        """Takes every living process to `number`, one of them in the midst of work."""
        worker = next((s for s in self.sessions if s.label == "worker"), None)
        if worker:
            self.stop.unlink(missing_ok=True)
            worker.send("churn", self.stop)
            worker.until(b"churning\n")
        for session in list(self.sessions):
            self.guarded(session, lambda: self.move_one(session, verb, number))
        self.stop.touch()
        if worker in self.sessions:
            self.guarded(worker, lambda: self.finish_churn(worker))
        for session in list(self.sessions):
            self.guarded(session, lambda: self.compare(session))

    def guarded(self, session, body):
        """A process that dies fails its check and is left out from then on; the others go on."""
        try:
            body()
        except Ended as ended:
            self.checks.check(False, f"{session.label} lives at {self.name(session.position)}", f"  {ended}")
            self.drop(session)

    def drop(self, session):
        session.kill()
        self.sessions.remove(session)

    def move_one(self, session, verb, number):
        output = self.tool.run(verb, "--to", number, "--pid", session.pid)
        what = f"{session.label}: {verb} to {self.name(number)}"
        if self.configuration.is_untyped and not session.prompt and output.returncode == 1:
            # What a changed callee takes is not known without -g: right to refuse under an old caller, if it says who.
            self.checks.check(re.search(r"luaV_execute|g_read|read_line", output.stderr), f"{what} is refused by name",
                              output.stderr)
            print(f"  {session.label} stays at {self.name(session.position)}: {output.stderr.strip()[:200]}")
            self.stop.touch()
            if session.label == "worker":
                self.finish_churn(session)
            self.compare(session)
            self.drop(session)
        elif self.checks.check(output.returncode == 0, what, f"  status {output.returncode}\n{output.stderr}"):
            session.position = number

    def finish_churn(self, worker):
        answer = worker.until(b"#end\n")
        wanted = self.oracle.answer(0, "load").split("\n")[0]
        self.checks.check(wanted in answer.split("\n"), f"work goes on while moving to {self.name(worker.position)}",
                          answer)

    def compare(self, session):
        """The process behaves as a clean build at its position, its variables keep their values, old frames go on."""
        at = f"{session.label} at {self.name(session.position)}"
        self.checks.same(session.ask("probe"), self.oracle.answer(session.position, "probe"), f"{at}: behaviour")
        state = dict(line.split("\t") for line in session.ask("state").splitlines())
        clean = dict(line.split("\t") for line in self.oracle.answer(session.position, "state").splitlines())
        self.checks.same(" ".join(sorted(state)), " ".join(sorted(clean)), f"{at}: variables")
        for name, value in state.items():
            wanted = session.counters[name] + 1 if name in session.counters else int(clean.get(name, 0))
            self.checks.check(value == str(wanted), f"{at}: value of {name}", f"  is {value}, must be {wanted}")
            session.counters[name] = int(value)
        if not session.prompt:
            self.checks.same(session.ask("body"), self.oracle.answer(0, "body"), f"{at}: the old frame goes on")

    # Fresh processes and files

    def fresh(self, number):
        fresh = transcript(self.tool.words("run", "--to", number, "--"))
        self.checks.same(fresh, self.oracle.everything(number)[0], f"fresh process at {self.name(number)}")

    def file(self, verb, number):
        self.must(self.name(number), verb, "--to", number, "--image", self.copy)
        for part, wanted in zip(of_program(self.copy), self.oracle.everything(number)):
            self.checks.same(part, wanted, f"file image at {self.name(number)} ({verb})")

    def at_once(self):
        """All updates in one step, forward and back, and a process of the patched file taken back."""
        last = self.count
        other = self.folder / "lua.other"
        shutil.copy(self.prepared, other)
        self.must("at once", "replay", "--to", last, "--image", other)
        self.checks.check(other.read_bytes() == self.copy.read_bytes(), "one by one and at once give the same file")
        patched = Session("process of the patched file", [other], prompt=self.configuration.is_untyped)
        patched.position = last
        self.sessions.append(patched)
        self.guarded(patched, lambda: self.checks.same(
            patched.ask("probe"), self.oracle.answer(last, "probe"), "process of the patched file: behaviour"))
        for verb, number in (("rollback", 0), ("replay", last)):
            if patched in self.sessions:
                self.guarded(patched, lambda: self.move_one(patched, verb, number))
            if patched in self.sessions:
                self.guarded(patched, lambda: self.checks.same(
                    patched.ask("probe"), self.oracle.answer(number, "probe"), f"patched file: {verb} at once"))
        if patched in self.sessions:
            self.drop(patched)
        self.must("at once", "rollback", "--to", 0, "--image", other)
        self.checks.check(other.read_bytes() == self.prepared.read_bytes(), "rolled back at once, the file is exact")

    # The whole

    def forward(self, stop_on_failure):
        for number in range(1, self.count + 1):
            failed = self.checks.failed
            self.record(number)
            self.move("replay", number)
            self.fresh(number)
            self.file("replay", number)
            print(f"{self.name(number)}: {self.checks.failed - failed} failed", flush=True)
            if stop_on_failure and self.checks.failed > failed:
                self.count = number
                return

    def back(self):
        for number in range(self.count - 1, -1, -1):
            failed = self.checks.failed
            self.move("rollback", number)
            self.file("rollback", number)
            print(f"back at {self.name(number)}: {self.checks.failed - failed} failed", flush=True)
        self.checks.check(self.copy.read_bytes() == self.prepared.read_bytes(), "rolled back, the file is exact")

    def end(self):
        for command in (["log"], ["show", self.count], ["targets"], ["verify"]):
            self.must("history", *command)
        for session in list(self.sessions):
            self.guarded(session, lambda: self.must(session.label, "verify", "--pid", session.pid))
        for session in self.sessions:
            if not session.prompt:
                session.send("fail")
            text, status = session.leave()
            ends = status == 0 if session.prompt else status == 1 and "ended as asked" in text
            self.checks.check(ends, f"{session.label} ends as asked", f"  status {status}: {text}")

    def run(self, stop_on_failure):
        try:
            if self.adopt():
                self.start()
                self.forward(stop_on_failure)
                self.at_once()
                self.back()
                self.end()
        finally:
            for session in self.sessions:
                session.kill()


def arguments():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tool", type=pathlib.Path, help="the hcs-journal to test; without it only the edits are")
    parser.add_argument("--compiler", default="gcc")
    parser.add_argument("-O", dest="optimization", default="0", metavar="LEVEL", help="as for the compiler: -O2")
    parser.add_argument("--flags", default="", help="more flags, separated by spaces: --flags=-fno-ipa-ra")
    parser.add_argument("--no-debug", action="store_true", help="without -g")
    parser.add_argument("--no-sections", action="store_true", help="without -ffunction-sections")
    parser.add_argument("--count", type=int, default=30, help="how many edits")
    parser.add_argument("--work", type=pathlib.Path, default=root / ".build-lua", help="where builds are kept")
    parser.add_argument("--stop-on-failure", action="store_true", help="record nothing after the first failed edit")
    return parser.parse_args()


def main():
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    sources = Sources(options.work.resolve())
    configuration = Configuration(sources, options.compiler, f"-O{options.optimization}", options.flags.split(),
                                  debug=not options.no_debug, sections=not options.no_sections)
    count = min(options.count, len(sources.edits))
    checks, oracle = Checks(), Oracle(configuration)
    check_oracle(checks, configuration, oracle, count)
    if options.tool:
        Run(options.tool.resolve(), configuration, oracle, checks, count).run(options.stop_on_failure)
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
