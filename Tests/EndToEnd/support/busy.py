"""Tests/EndToEnd/busy as a process: started, asked what it has counted, checked."""

import os
import pathlib
import select
import subprocess
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent / "busy"
EDITS = 3


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

    def __init__(self, image, threads):
        self.process = subprocess.Popen([image, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        #: Counted before, and explained.
        self.failures = self.interruptions = 0
        self.ask()

    def ask(self):
        """Its own report: a dictionary; raises Trouble if there is none."""
        try:
            self.process.stdin.write("report\n")
            self.process.stdin.flush()
        except OSError:
            raise Trouble(f"the process has ended: {self.process.poll()}") from None
        if not select.select([self.process.stdout], [], [], 20)[0]:
            raise Trouble("the process does not answer")
        words = self.process.stdout.readline().split(" ", 14)
        if len(words) < 14:
            raise Trouble(f"the process has ended: {self.process.wait()}")
        report = dict(zip(words[0::2], words[1::2]))
        report["first"] = words[14].strip() if len(words) > 14 else ""
        return report

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
        deadline = time.monotonic() + 20
        while int(report["least"]) < start + 2:
            if time.monotonic() > deadline:
                raise Trouble(f"a thread stands still: {report}")
            time.sleep(0.002)
            report = self.ask()
        return report

    def check_threads(self):
        # A thread that is about to be resumed is seen as stopped for a moment.
        for attempt in range(200):
            wrong = self.held_threads()
            if not wrong:
                return
            time.sleep(0.01)
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

    def end(self):
        try:
            self.process.stdin.close()
            self.process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
