#!/usr/bin/env python3
"""The fault sweep: each system call of each command fails, or the tool is killed before it, one after the other.

usage: fault-sweep.py --tool TOOL [--sample K] [--only NAME] [--counts FILE]

For N = 1, 2, … until a run meets no fault, every command runs three times: its N-th system call fails once; it and all that
follow fail; SIGKILL takes its place (which is as much a kill behind the call before it). Requests of ptrace(2) are system calls:
SIGKILL between every two of them is part of it. After each fault, with the same process of many threads throughout:

A call that every ptrace stop interrupts (epoll_wait and its like, signal(7)) is restarted by us as soon as its thread stops. Between
these two moments we can be killed, or be let down by ptrace(2) for good; such interruptions are counted and told, and allowed there
alone.

- the process runs: no thread is stopped or traced, all its threads get on, and it has counted no failed call, no interrupted one,
  no wrong answer, no signal lost or delivered twice;
- the status tells the truth: 0 it stands where it should, 1 it stands where it stood, 2 it is torn, and so says `verify`;
- what it holds is, byte for byte, what the journal has for the update that it stands at, or it is torn and the next command
  settles it;
- the journal is sound.

--sample K takes every K-th N. The last line is `N passed, N failed`.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "support"))

from busy import EDITS, Busy, Trouble, build

#: What fails, and with what: EIO is told from "it has ended" (ESRCH) in many places, and both happen.
MODES = [("once", 5), ("on", 5), ("kill", 9), ("once", 3)]


class Sweep:
    def __init__(self, options, folder):
        self.options = options
        self.tool = options.tool
        self.folder = pathlib.Path(folder)
        self.passed = self.failed = self.interruptions = 0
        self.counts = {}
        os.chdir(folder)
        os.environ["HCS_JOURNAL"] = str(self.folder / "busy.hcsj")
        self.build()

    def build(self):
        subprocess.run(["gcc", "-O2", "-o", "nth-call", HERE / "support/nth-call.c"], check=True)

        def adopted(edit):
            if edit == 0:
                shutil.copy("busy.hot", "base.hot")
            if edit == EDITS - 1:
                shutil.copy("busy.hcsj", "before-last.hcsj")

        build(self.run, adopted)
        shutil.copy("busy.hcsj", "whole.hcsj")

    def run(self, *words, expect=(0,)):
        """The tool without a fault."""
        result = subprocess.run([self.tool, *words], capture_output=True, text=True, timeout=120)
        if result.returncode not in expect:
            raise Trouble(f"{' '.join(words)}: status {result.returncode}: {result.stdout}{result.stderr}")
        return result

    def faulty(self, mode, number, errno, words, since):
        """The tool with the fault: its status, how many calls it made, which one was met."""
        command = ["./nth-call", mode, str(number), str(errno), since, "report", self.tool, *words]
        pathlib.Path("report").write_text("calls 0 met timeout\n")
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=10)
        except subprocess.TimeoutExpired:
            # SQLite asks again for as long as it would wait for another writer where a lock cannot be had. The tool has
            # ended with nth-call by now: a kill like any other.
            result = subprocess.CompletedProcess(command, 137, "", "killed after a time")
        calls, met = pathlib.Path("report").read_text().split()[1::2]
        return result, int(calls), met

    def sweep(self, scenario):
        if self.options.only and self.options.only not in scenario.name:
            return
        for mode, errno in MODES:
            # Every scenario begins at another number, so that the samples do not all take the same calls.
            number = 1 + len(self.counts) * 7 % self.options.sample
            faults = 0
            while self.once(scenario, mode, errno, number):
                faults += 1
                number += self.options.sample
            self.counts[f"{scenario.name}, {mode}" + (f" {os.strerror(errno)}" if mode != "kill" else "")] = faults
            print(f"{scenario.name}: {mode} {errno}: {faults} faults", flush=True)
        scenario.end()

    def once(self, scenario, mode, errno, number):
        """One fault. Whether there was one to meet."""
        what = f"{scenario.name}: call {number} ({mode} {errno})"
        met = "?"
        try:
            scenario.begin()
            result, calls, met = self.faulty(mode, number, errno, scenario.words, scenario.since)
            scenario.is_cut_off = mode != "once"
            scenario.check(result)
            self.passed += 1
        except Trouble as trouble:
            self.failed += 1
            print(f"FAILED {what}, {met}: {trouble}", flush=True)
            scenario.begin_anew()
        return met != "none"


class Scenario:
    """A command, where its target stands before it, and where afterwards."""

    def __init__(self, sweep, name, words, origin, destination):
        self.sweep, self.name = sweep, name
        self.words, self.origin, self.destination = words, origin, destination

    def verify(self, *target):
        """Where the target stands: a number, or "torn". The journal is sound."""
        result = self.sweep.run("verify", "--json", *target, expect=(0, 1, 2))
        try:
            told = json.loads(result.stdout)
        except ValueError:
            raise Trouble(f"verify: {result.stdout}{result.stderr}") from None
        if not told["journal"]["sound"]:
            raise Trouble(f"the journal is not sound: {told['journal']['findings']}")
        if not target:
            return None
        state = told["targets"][0]
        if state.get("state") == "torn":
            if result.returncode != 2:
                raise Trouble(f"torn, and the status is {result.returncode}")
            return "torn"
        if "error" in state or state["mismatches"] or result.returncode != 0:
            raise Trouble(f"not as recorded: {str(state)[:600]}")
        return state["position"]["number"]

    def settle(self, *target):
        """What the next command makes of a torn target. Each of them in turn."""
        self.turn = getattr(self, "turn", 0) + 1
        words = [("verify", "--repair"), ("replay", "--to", "3"), ("rollback", "--to", "0")][self.turn % 3]
        self.sweep.run(*words, *target)

    def check_status(self, result, state):
        status = result.returncode
        told = f"status {status}, {state}: {result.stderr[:300]}{result.stdout[:300]}"
        if status == 0 and state != self.destination:
            raise Trouble(f"done, and it does not stand there: {told}")
        if status == 1 and state not in (self.origin, self.destination if self.may_have_arrived(result) else self.origin):
            raise Trouble(f"untouched or rolled back, and it does not stand where it stood: {told}")
        # Where threads could not be let go, all has been written: they go on when the tool ends.
        if status == 2 and state not in ("torn", self.destination):
            raise Trouble(f"said to be torn: {told}")
        if status not in (0, 1, 2, 137) and status < 129:
            raise Trouble(f"an unknown status: {told}")
        if state not in (self.origin, self.destination, "torn"):
            raise Trouble(f"neither one update nor the other: {told}")

    def may_have_arrived(self, result):
        """Whether what failed came after the target had arrived: its report could not be written, or noted."""
        return '"error"' not in result.stdout and "left" not in result.stderr


class OfProcess(Scenario):
    image = "./busy.hot"
    #: Calls are counted from the one that opens this: what comes before is the same for all, and swept with `record`.
    since = "/mem"
    busy = None

    def __init__(self, sweep, name, words, origin, destination, threads=30, is_fresh=False):
        super().__init__(sweep, name, words, origin, destination)
        self.threads, self.is_fresh = threads, is_fresh
        self.command = words

    def begin(self):
        if self.is_fresh:
            self.end()
        if not self.busy:
            self.busy = Busy("./busy" if self.is_fresh else self.image, self.threads)
            self.state = 0
        self.target = ["--pid", str(self.busy.pid)]
        self.words = [*self.command, *self.target]
        self.move()

    def move(self):
        if self.state != self.origin:
            self.sweep.run("replay" if self.origin > self.state else "rollback", "--to", str(self.origin), *self.target)
        self.state = self.origin

    def check(self, result):
        before = self.busy.interruptions
        report = self.busy.check(may_interrupt=self.is_cut_off)
        self.sweep.interruptions += self.busy.interruptions - before
        self.state = self.verify(*self.target)
        self.check_status(result, self.state)
        if self.state == "torn":
            self.settle(*self.target)
            self.state = self.verify(*self.target)
            if self.state == "torn":
                raise Trouble("it stays torn")
            report = self.busy.check()
        if self.busy.ask()["edit"] != str(self.state):
            raise Trouble(f"it stands at update {self.state} and does what {report} does")

    def end(self):
        if self.busy:
            self.busy.end()
        self.busy = None

    def begin_anew(self):
        self.end()
        shutil.copy("whole.hcsj", "busy.hcsj")
        for path in ("busy.hcsj-wal", "busy.hcsj-shm"):
            pathlib.Path(path).unlink(missing_ok=True)


class OfTornProcess(OfProcess):
    """The way out of being torn, with faults of its own: `verify --repair` on what a killed applier has left."""

    def __init__(self, sweep, name):
        super().__init__(sweep, name, ["verify", "--repair"], 0, EDITS)
        self.killed_at = None

    def tear(self, number):
        words = ["replay", "--to", str(EDITS), *self.target]
        self.sweep.faulty("kill", number, 9, words, self.since)
        self.state = self.verify(*self.target)
        return self.state == "torn"

    def begin(self):
        super().begin()
        # Some call before the last tears it. Which one differs from run to run by as much as the stop of the threads does.
        for number in [self.killed_at] * 3 if self.killed_at else []:
            if self.tear(number):
                return
            self.move()
        _, calls, _ = self.sweep.faulty("once", 0, 0, ["replay", "--to", str(EDITS), *self.target], self.since)
        for number in range(calls, calls // 4, -5):
            self.state = self.verify(*self.target)
            self.move()
            if self.tear(number):
                self.killed_at = number
                return
        raise Trouble("no call was found that tears it")

    def check_status(self, result, state):
        if result.returncode == 0 and state != self.destination:
            raise Trouble(f"repaired, and stands at {state}: {result.stdout}")


class OfFile(Scenario):
    since = "target.hot"

    def __init__(self, sweep, name, words, origin, destination):
        super().__init__(sweep, name, [*words, "--image", "target.hot"], origin, destination)
        self.source = pathlib.Path(f"at-{origin}.hot")

    def begin(self):
        if not self.source.exists():
            shutil.copy("base.hot", self.source)
            if self.origin:
                self.sweep.run("replay", "--to", str(self.origin), "--image", str(self.source))
        shutil.copy(self.source, "target.hot")
        self.begin_anew()

    def check(self, result):
        state = self.verify("--image", "target.hot")
        self.check_status(result, state)
        if state == "torn":
            raise Trouble("a file is never torn")
        answer = subprocess.run(["./target.hot", "2"], input="report\n", capture_output=True, text=True, timeout=20)
        if f"edit {state} " not in answer.stdout:
            raise Trouble(f"at update {state}, it does: {answer}")
        # Whatever has been left beside it is no hindrance to the next.
        self.sweep.run("replay", "--image", "target.hot")

    def begin_anew(self):
        for path in pathlib.Path(".").glob("*target.hot*"):
            if path.name != "target.hot":
                path.unlink()

    def end(self):
        pass


class OfRecord(OfProcess):
    """`record` with a process: the journal gets the update or does not, and the process is where the journal can tell."""

    since = ".hcsj"

    def begin(self):
        # The journal that is put back does not know the last update if it was recorded at another time.
        if self.busy:
            self.move()
        for path in ("busy.hcsj-wal", "busy.hcsj-shm"):
            pathlib.Path(path).unlink(missing_ok=True)
        shutil.copy("before-last.hcsj", "busy.hcsj")
        super().begin()

    def check(self, result):
        super().check(result)
        head = json.loads(self.sweep.run("log", "--json").stdout)
        count = len(head["updates"]) if isinstance(head, dict) else len(head)
        if result.returncode == 0 and count != EDITS:
            raise Trouble(f"recorded, and the journal has {count} updates")
        if count not in (EDITS - 1, EDITS):
            raise Trouble(f"the journal has {count} updates")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", required=True, type=os.path.realpath)
    parser.add_argument("--sample", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--counts")
    options = parser.parse_args()
    folder = tempfile.mkdtemp()
    sweep = Sweep(options, folder)
    scenarios = [
        OfProcess(sweep, "replay a process", ["replay"], 0, EDITS),
        OfProcess(sweep, "roll a process back", ["rollback", "--to", "0"], EDITS, 0),
        OfProcess(sweep, "replay where only cells change", ["replay", "--to", "2"], 1, 2),
        OfProcess(sweep, "replay by mprotect", ["replay", "--write-method", "protect"], 0, EDITS),
        OfProcess(sweep, "replay a process of the unprepared image", ["replay"], 0, EDITS, threads=6, is_fresh=True),
        OfTornProcess(sweep, "settle a torn process"),
        OfFile(sweep, "replay a file", ["replay"], 0, EDITS),
        OfFile(sweep, "roll a file back", ["rollback", "--to", "0"], EDITS, 0),
        OfRecord(sweep, "record with a process", ["record", "work.o", "-m", "the last"], EDITS - 1, EDITS),
    ]
    try:
        for scenario in scenarios:
            sweep.sweep(scenario)
    finally:
        for scenario in scenarios:
            scenario.end()
    if options.counts:
        pathlib.Path(options.counts).write_text(json.dumps(sweep.counts, indent=1) + "\n")
    if not sweep.failed:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{sweep.interruptions} system calls interrupted by a kill at the wrong moment")
    print(f"{sweep.passed} passed, {sweep.failed} failed")
    sys.exit(sweep.failed > 0)


if __name__ == "__main__":
    main()
