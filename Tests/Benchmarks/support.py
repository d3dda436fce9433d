"""What the benchmarks share: processes timed from outside, and figures told as medians with their spread."""

import json
import os
import shlex
import statistics
import subprocess
import sys
import time


class Failed(Exception):
    """A command that had to succeed did not: there is nothing to measure."""


def run(words, **options):
    """Runs a command that is not measured; its output as text."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise Failed(f"{shlex.join(str(word) for word in words)}\n{done.stdout}{done.stderr}")
    return done.stdout


class Timed:
    """One run of a command, its start and end included. Output goes to a file: a pipe would have to be read."""

    def __init__(self, words, output):
        words = [str(word) for word in words]
        actions = [
            (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        self.start = time.monotonic_ns()
        child = os.posix_spawnp(words[0], words, os.environ, file_actions=actions)
        _, status, usage = os.wait4(child, 0)
        self.nanoseconds = time.monotonic_ns() - self.start
        self.processor = int((usage.ru_utime + usage.ru_stime) * 1e9)
        # Kibibytes, as getrusage(2) has it on Linux.
        self.memory = usage.ru_maxrss
        self.path = output
        if status != 0:
            raise Failed(f"{shlex.join(words)}\n{self.text()}")

    def text(self):
        with open(self.path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def json(self):
        return json.loads(self.text())


def median(values):
    return statistics.median(values)


def duration(nanoseconds):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.0f} ns"


def table(heads, rows):
    """A table as Markdown has it, so that it can be taken over into docs/benchmarks.md."""
    rows = [heads, ["---"] * len(heads)] + rows
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def spread(values):
    return [duration(median(values)), duration(min(values)), duration(max(values))]


def ratio(of, to):
    return f"{of / to:.2f}" if to else "?"


def machine():
    """Processor and kernel, for the head of the results."""
    model = "?"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model}, {os.cpu_count()} processors, Linux {os.uname().release}"


def tell(text):
    print(text, file=sys.stderr, flush=True)
