"""Tests/EndToEnd/busy as a process: started, asked what it has counted, checked."""

import os
import pathlib
import select
import subprocess
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent / "busy"
EDITS = 3
#: What `title` says at each.
TITLES = ["base", "one", "two", "three"]


#: How many seconds something may take that takes none: a machine under load has its time.
PATIENCE = 300


class Trouble(Exception):
    """What a check has found."""


def build(run, done=lambda edit: None):
    """In this folder: the program, adopted, and an update for each edit of its source. `run` runs the tool with these words, and
    `done` is told after the adoption (0) and after each update."""
    flags = ["-O2", "-g", "-ffunction-sections", "-fno-ipa-ra", "-pthread"]
    subprocess.run(["gcc", *flags, "-c", SOURCE / "busy.c", "-o", "busy.o"], check=True)
    for edit in range(EDITS + 1):
        subprocess.run(["gcc", *flags, f"-DEDIT={edit}", "-c", SOURCE / "work.c", "-o", "work.o"], check=True)
        if edit == 0:
            subprocess.run(["gcc", "-pthread", "-Wl,--build-id", "busy.o", "work.o", "-o", "busy"], check=True)
            run("init", "busy")
        else:
            run("record", "work.o", "-m", f"edit {edit}")
        done(edit)


class Busy:
    """The program that must not be hurt."""

    def __init__(self, image, threads, rest=1):
        """Of `threads` threads, each of which rests for `rest` milliseconds between two rounds."""
        command = [image, str(threads), str(rest)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        #: Counted before, and explained.
        self.failures = self.interruptions = 0
        #: A question has been put, and its answer not been taken.
        self.is_asked = False
        self.ask()

    def ask(self):
        """Its own report: a dictionary; raises Trouble if there is none."""
        if self.is_asked:
            # What it says to that may be of before it was held.
            self.answer(PATIENCE)
        report = self.answer(PATIENCE)
        if report is None:
            raise Trouble("the process does not answer")
        return report

    def answer(self, patience):
        """Its report, or None where it has not come by then: the next one is the answer to this question."""
        if not self.is_asked:
            try:
                self.process.stdin.write("report\n")
                self.process.stdin.flush()
            except OSError:
                raise Trouble(f"the process has ended: {self.process.poll()}") from None
            self.is_asked = True
        if not select.select([self.process.stdout], [], [], patience)[0]:
            return None
        self.is_asked = False
        words = self.process.stdout.readline().split(" ", 14)
        if len(words) < 14:
            raise Trouble(f"the process has ended: {self.process.wait()}")
        report = dict(zip(words[0::2], words[1::2]))
        report["first"] = words[14].strip() if len(words) > 14 else ""
        return report

    def wait_until_let_go(self):
        """Whether the process is in a job-control stop, once nobody traces it any more.

        A thread that a tracer has left on its way into the stop is seen by nobody until it is there: that it is not held is
        told by all threads getting on.
        """
        states, start = set(), None
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            held = self.held_threads()
            states = {state[0] for _, _, state, tracer in held if tracer == "0"}
            traced = any(tracer != "0" for _, _, _, tracer in held)
            if not traced and held and len(held) == len(os.listdir(f"/proc/{self.pid}/task")):
                return True
            if held:
                time.sleep(0.01)
                continue
            report = self.answer(0.01)
            if report and start is None:
                start = int(report["least"])
            elif report and int(report["least"]) >= start + 2:
                return False
        raise Trouble(f"some threads stand still and some do not: {states}")

    def told_parent(self):
        """What wait(2) tells its parent, which is this: stops and continuations since the last time."""
        told = []
        while True:
            try:
                report = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WCONTINUED | os.WNOHANG)
            except ChildProcessError:
                # So wait(2) speaks of a child that has ended where it was not asked for ends.
                raise Trouble(f"the process has ended: {self.process.wait()}, after it had told its parent {told}") from None
            if report is None:
                return told
            told.append({os.CLD_STOPPED: "stopped", os.CLD_CONTINUED: "continued"}.get(report.si_code, report.si_code))

    def check(self, may_interrupt=False):
        """That it runs, and has met nothing that it should not."""
        report = self.wait_for_all()
        failures, interruptions = int(report["failures"]), int(report["interruptions"])
        new = failures - self.failures
        if new and not (may_interrupt and new <= interruptions - self.interruptions):
            raise Trouble(f"the process counts {new} new failures, the first of all: {report['first']}")
        self.failures, self.interruptions = failures, interruptions
        self.check_threads()
        return report

    def wait_for_all(self):
        """Every thread has ended what it was at, and has told of it."""
        report = self.ask()
        start = int(report["least"])
        deadline = time.monotonic() + PATIENCE
        while int(report["least"]) < start + 2:
            if time.monotonic() > deadline:
                raise Trouble(f"a thread stands still: {report}")
            time.sleep(0.002)
            report = self.ask()
        return report

    def check_threads(self):
        # A thread that is about to be resumed is seen as stopped for a moment.
        deadline = time.monotonic() + PATIENCE
        while wrong := self.held_threads():
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        else:
            return
        raise Trouble(f"threads are held: {wrong}")

    def held_threads(self):
        held = []
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            try:
                text = pathlib.Path(f"/proc/{self.pid}/task/{thread}/status").read_text()
            except OSError:
                continue
            lines = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
            if lines["State"][0] in "tT" or lines["TracerPid"] != "0":
                held.append((thread, lines["Name"], lines["State"], lines["TracerPid"]))
        return held

    def end_of_life(self):
        """How it has ended, in words, if it has."""
        try:
            return f"; the process has ended: {self.process.wait(10)}"
        except subprocess.TimeoutExpired:
            return ""

    def end(self):
        try:
            self.process.stdin.close()
            self.process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
