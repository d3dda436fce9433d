#!/usr/bin/env python3
"""The soak: a program of 64 threads in system calls, computation, signals, timers, forks and thread creation is updated and taken back
at full rate, by one run of the tool after the other. It counts itself every call that fails or is interrupted, every wrong answer
and every signal lost or delivered twice, and must count none.

usage: soak.py --tool TOOL [--times N] [--threads N]

A time is one replay or one roll back. The last line is `N passed, N failed`.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "support"))

from busy import EDITS, PATIENCE, Busy, Trouble, build

#: The whole way at once, one update at a time, and back; with and without a look at every byte.
WAYS = [("replay", 3), ("rollback", 0), ("replay", 1), ("replay", 2), ("replay", 3), ("rollback", 2), ("rollback", 1), ("rollback", 0)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", required=True, type=os.path.realpath)
    parser.add_argument("--times", type=int, default=500)
    parser.add_argument("--threads", type=int, default=64)
    options = parser.parse_args()
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.environ["HCS_JOURNAL"] = str(pathlib.Path(folder) / "busy.hcsj")

    def run(*words):
        result = subprocess.run([options.tool, *words], capture_output=True, text=True, timeout=PATIENCE)
        if result.returncode:
            raise Trouble(f"{' '.join(words)}: status {result.returncode}: {result.stdout}{result.stderr}")
        return result.stdout

    done = 0
    busy = None
    start = time.monotonic()
    try:
        build(run)
        busy = Busy("./busy.hot", options.threads)
        target = ["--pid", str(busy.pid)]
        for done in range(options.times):
            way, to = WAYS[done % len(WAYS)]
            run(way, "--to", str(to), *target)
            if done % 50 == 49:
                run("verify", *target)
                busy.check()
        report = busy.check()
        if report["edit"] != str(to):
            raise Trouble(f"it stands at update {to} and does what {report} does")
        done += 1
        failed = 0
    except Trouble as trouble:
        print(f"FAILED after {done} times: {trouble}{busy.end_of_life() if busy else ''}")
        failed = 1
    finally:
        if busy:
            busy.end()
    print(f"{done} times in {time.monotonic() - start:.0f} s")
    if not failed:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{done} passed, {failed} failed")
    sys.exit(failed)


if __name__ == "__main__":
    main()
