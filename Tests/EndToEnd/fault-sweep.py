#!/usr/bin/env python3
"""The fault sweep: each system call of each command fails, or the tool is killed before it, one after the other.

usage: fault-sweep.py --tool TOOL [--every] [--sample K] [--calls first|rest] [--only PATTERN] [--mode once|on|kill]
                      [--counts FILE]

Most calls of a run come from the same places in the program, again and again. So a fault is told by its place (the call, and the
functions of the program on its stack with the places in them: support/call-place.h) and by which of the calls made there it is: the
first, the last and one in the middle. Which places there are, several runs without a fault tell; a fault that up to three runs do
not meet (a thread was already where it is otherwise waited for) is counted as not met. --every takes each call by its number instead.

Every command runs with each fault four times: the call fails once, as if of an I/O error or of a process that has ended; it and all
that follow fail; SIGKILL takes its place (which is as much a kill behind the call before it). Requests of ptrace(2) are system calls:
SIGKILL between every two of them is part of it. After each fault, with the same process of many threads throughout:

A call that every ptrace stop interrupts (epoll_wait and its like, signal(7)) is restarted by us as soon as its thread stops. Between
these two moments we can be killed, or be let down by ptrace(2) for good; such interruptions are counted and told, and allowed there
alone.

- the process runs: no thread is stopped or traced, all its threads get on, and it has counted no failed call, no interrupted one,
  no wrong answer, no signal lost or delivered twice;
- where old code must not meet new, a tool that is killed among the writes leaves it in a job-control stop, as its parent is told; it
  says that it is torn, and the next command lets it go on. In no other case does its parent hear of a stop;
- the status tells the truth: 0 it stands where it should, 1 it stands where it stood, 2 it is torn, and so says `verify` (which may
  find it where it stood if the tool could neither write nor look any more);
- what it holds is, byte for byte, what the journal has for the update that it stands at, or it is torn and the next command
  settles it;
- the journal is sound.

--sample K takes, of the places that each of those runs has come to, the first call of each that holds a process or lets it go,
killed and failing once, and of all other faults every K-th. With --every it takes every K-th call. PATTERN is a regular expression for
names of scenarios. The last line is `N passed, N failed`.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "support"))

from busy import EDITS, PATIENCE, Trouble, build
from fault_scenarios import OfFile, OfProcess, OfRecord, OfTornProcess

#: What fails, and with what: EIO is told from "it has ended" (ESRCH) in many places, and both happen.
MODES = [("kill", 9), ("once", 5), ("once", 3), ("on", 5)]
#: In which a sample takes every place that holds a process or lets it go.
SAMPLED_MODES = [("kill", 9), ("once", 5)]
#: Runs without a fault that tell the places.
LISTINGS = 3
#: Runs after which a fault counts as not met; one where not every run comes to the place, and in a sample.
ATTEMPTS = 3


class Sweep:
    def __init__(self, options, folder):
        self.options = options
        self.tool = options.tool
        self.folder = pathlib.Path(folder)
        self.passed = self.failed = self.interruptions = self.held = 0
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
        result = subprocess.run([self.tool, *words], capture_output=True, text=True, timeout=PATIENCE)
        if result.returncode not in expect:
            raise Trouble(f"{' '.join(words)}: status {result.returncode}: {result.stdout}{result.stderr}")
        return result

    def faulty(self, mode, call, errno, words, since):
        """The tool with the fault: its status, how many calls it made, which one was met, what else is reported."""
        command = ["./nth-call", mode, str(call), str(errno), since, "report", self.tool, *words]
        pathlib.Path("report").write_text("calls 0 met timeout\n")
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            # SQLite asks again for as long as it would wait for another writer where a lock cannot be had. The tool has
            # ended with nth-call by now: a kill like any other.
            result = subprocess.CompletedProcess(command, 137, "", "killed after a time")
        first, *places = pathlib.Path("report").read_text().splitlines()
        calls, met = first.split()[1::2]
        return result, int(calls), met, [Place(line) for line in places]

    def sweep(self, scenario):
        if not re.search(self.options.only, scenario.name):
            return
        places = None if self.options.every else self.places(scenario)
        for mode, errno in MODES:
            if self.options.mode and self.options.mode != mode:
                continue
            name = mode + (f" {os.strerror(errno)}" if mode != "kill" else "")
            if places is None:
                told = {"faults": self.every_call(scenario, mode, errno)}
            else:
                told = self.every_place(scenario, mode, errno, places)
            self.counts[f"{scenario.name}, {name}"] = told
            print(f"{scenario.name}, {name}: " + ", ".join(f"{count} {what}" for what, count in told.items()), flush=True)
        scenario.end()

    def every_call(self, scenario, mode, errno):
        # Every scenario begins at another number, so that the samples do not all take the same calls.
        number = 1 + len(self.counts) * 7 % self.options.sample
        faults = 0
        while self.once(scenario, mode, errno, number, f"call {number}") != "none":
            faults += 1
            number += self.options.sample
        return faults

    def places(self, scenario):
        """Where calls are made, in the order in which they are come to, with the fewest that a run has made there."""
        for _ in range(ATTEMPTS):
            found = self.listed(scenario)
            if any(place.listings == LISTINGS for place in found):
                return found
        self.failed += 1
        print(f"FAILED {scenario.name}: its runs have come to no place in common", flush=True)
        return found

    def listed(self, scenario):
        found = {}
        for _ in range(LISTINGS):
            scenario.begin()
            result, _, _, places = self.faulty("list", 0, 0, scenario.words, scenario.since)
            scenario.is_cut_off = False
            scenario.check(result)
            for place in places:
                known = found.setdefault(place.key, place)
                known.calls = min(known.calls, place.calls)
                known.listings += 1
        return list(found.values())

    def every_place(self, scenario, mode, errno, places):
        taken = {"places": len(places), "faults": 0, "not met": 0}
        for place, number in self.faults(mode, errno, places):
            what = f"{place} ({number} of {place.calls})"
            for _ in range(ATTEMPTS if place.listings == LISTINGS and self.options.sample == 1 else 1):
                met = self.once(scenario, mode, errno, f"{place.key}:{number}", what)
                if met != "none":
                    break
            taken["not met" if met == "none" else "faults"] += 1
        return taken

    def faults(self, mode, errno, places):
        """Which calls of which places."""
        # Of a sample each run is to be worth its time.
        taken = [place for place in places if self.options.sample == 1 or place.listings == LISTINGS]
        calls = [(place, number) for place in taken for number in place.numbers(self.options.calls)]
        if self.options.sample == 1:
            return calls
        start = len(self.counts) * 7 % self.options.sample
        always = (mode, errno) in SAMPLED_MODES
        return [
            (place, number)
            for index, (place, number) in enumerate(calls)
            if (always and number == 1 and place.is_of_holding()) or index % self.options.sample == start
        ]

    def once(self, scenario, mode, errno, call, what):
        """One fault. The call that was met, or "none"."""
        met = "?"
        try:
            scenario.begin()
            result, _, met, _ = self.faulty(mode, call, errno, scenario.words, scenario.since)
            scenario.is_cut_off = mode != "once"
            scenario.check(result)
            self.passed += 1
        except Trouble as trouble:
            self.failed += 1
            print(f"FAILED {scenario.name}, {mode} {errno}, {what}, {met}: {trouble}", flush=True)
            scenario.begin_anew()
        return met


class Place:
    """As nth-call reports it."""

    def __init__(self, line):
        words = line.split()
        self.key, self.calls, self.name = words[1], int(words[3]), words[5]
        self.frames = words[7].split(",") if len(words) > 7 else []
        #: Runs that have come to it.
        self.listings = 0

    def numbers(self, which):
        """The first of its calls, one in the middle, the last; only the first, or the others."""
        numbers = sorted({1, (self.calls + 1) // 2, self.calls})
        return {"first": numbers[:1], "rest": numbers[1:], "all": numbers}[which]

    def is_of_holding(self):
        return self.name.startswith("ptrace:") or self.name in ("tgkill", "kill")

    def __str__(self):
        """With the innermost functions, as offsets in the tool (`llvm-symbolizer -e TOOL OFFSET…`)."""
        return f"{self.name} at {self.key} [{' '.join(self.frames[:10])}]"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", required=True, type=os.path.realpath)
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--sample", type=int, default=1)
    parser.add_argument("--calls", choices=["first", "rest", "all"], default="all")
    parser.add_argument("--only", default="")
    parser.add_argument("--mode", default="")
    parser.add_argument("--counts")
    options = parser.parse_args()
    folder = tempfile.mkdtemp()
    sweep = Sweep(options, folder)
    scenarios = [
        OfProcess(sweep, "replay a process", ["replay"], 0, EDITS),
        OfProcess(sweep, "roll a process back", ["rollback", "--to", "0"], EDITS, 0),
        OfProcess(sweep, "replay where only cells change", ["replay", "--to", "2"], 1, 2, may_be_held=False),
        OfProcess(sweep, "replay all at once", ["replay", "--to", "2", "--atomic"], 1, 2),
        OfProcess(sweep, "roll back all at once", ["rollback", "--to", "1", "--atomic"], 2, 1),
        OfProcess(sweep, "replay by mprotect", ["replay", "--write-method", "protect"], 0, EDITS),
        OfProcess(sweep, "replay a process of the unprepared image", ["replay"], 0, EDITS, threads=6, is_fresh=True),
        OfTornProcess(sweep, "settle a torn process"),
        OfFile(sweep, "replay a file", ["replay"], 0, EDITS),
        OfFile(sweep, "roll a file back", ["rollback", "--to", "0"], EDITS, 0),
        OfRecord(sweep, "record with a process", ["record", "work.o", "-m", "the last"], EDITS - 1, EDITS),
    ]
    if options.every:
        # From the first signal that is to hold it to the last call: the part of the above in which it may be left held.
        scenarios += [
            OfProcess(sweep, "let go of all at once", ["rollback", "--to", "1", "--atomic"], 2, 1, since=":tgkill"),
            OfProcess(sweep, "commit what must not mix", ["replay"], 0, EDITS, since=":tgkill"),
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
    print(f"{sweep.held} times it was held until it was settled")
    print(f"{sweep.interruptions} system calls interrupted by a kill at the wrong moment")
    print(f"{sweep.passed} passed, {sweep.failed} failed")
    sys.exit(sweep.failed > 0)


if __name__ == "__main__":
    main()
