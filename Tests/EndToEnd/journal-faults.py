#!/usr/bin/env python3
"""`record` with a target, while one call on the journal's files fails or the command is killed at it.

usage: journal-faults.py TOOL [--sample N]

strace tells every system call of `record` that touches the journal, its log and its index. Then each of them in turn fails once,
fails from then on, and is where SIGKILL comes. After each: the journal verifies, holds the update whole or not at all, holds it where
the command said so, and the next command brings the target to the newest update. Ends with `N passed, N failed`.
"""

import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CALL = re.compile(r"^\d+ +(\w+)\(")
# What strace can make fail, and how it does on a real disk. Others fail with EIO.
ERRORS = {"pwrite64": "ENOSPC", "write": "ENOSPC", "ftruncate": "ENOSPC", "fallocate": "ENOSPC", "openat": "EACCES"}


class Sweep:
    def __init__(self, tool, folder):
        self.tool, self.folder = tool, folder
        self.passed = self.failed = 0
        self.counts = collections.Counter()
        self.compile(0)
        self.gcc("-c", HERE / "program/program.c", "-o", "program.o")
        self.run("gcc", "-Wl,--build-id", "program.o", "answer.o", "-o", "program")
        self.hcs("init", "program")
        self.compile(1)
        self.hcs("record", "answer.o", "-m", "first", "--image", "program.hot")
        self.compile(2)
        self.keep = {name: (folder / name).read_bytes() for name in ("program.hcsj",)}
        shutil.copyfile(folder / "program.hot", folder / "kept.hot")
        self.command = ["record", "answer.o", "-m", "second", "--image", "program.hot"]

    def gcc(self, *words):
        self.run("gcc", "-O2", "-g", "-ffunction-sections", "-fno-ipa-ra", *words)

    def compile(self, edit):
        self.gcc(f"-DEDIT={edit}", "-c", HERE / "program/answer.c", "-o", "answer.o")

    def run(self, *words, check=True):
        return subprocess.run([str(word) for word in words], cwd=self.folder, capture_output=True, text=True, check=check)

    def hcs(self, *words, check=True):
        return self.run(self.tool, "-j", "program.hcsj", *words, check=check)

    def restore(self):
        for path in self.folder.glob("program.hcsj*"):
            path.unlink()
        for name, data in self.keep.items():
            (self.folder / name).write_bytes(data)
        self.run("cp", "--sparse=always", "kept.hot", "program.hot")

    def traced(self, *options):
        paths = [word for end in ("", "-wal", "-shm") for word in ("-P", str(self.folder / f"program.hcsj{end}"))]
        result = self.run(
            "strace", "-f", "-o", "trace.txt", *paths, *options, self.tool, "-j", self.folder / "program.hcsj",
            *self.command, check=False)
        return result, (self.folder / "trace.txt").read_text(errors="replace")

    def calls(self):
        """Each call as (name, how many of that name so far)."""
        self.restore()
        seen, calls = collections.Counter(), []
        for line in self.traced()[1].splitlines():
            found = CALL.match(line)
            if found and found[1] not in ("mmap", "munmap", "close", "exit_group"):
                seen[found[1]] += 1
                calls.append((found[1], seen[found[1]]))
        return calls

    def check(self, name, count, how):
        fault = f"error={ERRORS.get(name, 'EIO')}" if how != "kill" else "signal=SIGKILL"
        more = "+" if how == "always" else ""
        self.restore()
        result, trace = self.traced("-e", f"inject={name}:{fault}:when={count}{more}")
        if "INJECTED" not in trace and "SIGKILL" not in trace:
            self.counts["not met"] += 1
            return
        self.counts[how] += 1
        problem = self.problem(result)
        if problem:
            self.failed += 1
            print(f"FAILED {how} at {name} {count}: {problem}\n  status {result.returncode}: {result.stderr.strip()}")
        else:
            self.passed += 1

    def problem(self, result):
        verified = self.hcs("verify", "--json", check=False)
        if verified.returncode != 0:
            return f"the journal does not verify: {verified.stdout} {verified.stderr}"
        count = json.loads(verified.stdout)["journal"]["updateCount"]
        if count not in (1, 2):
            return f"{count} updates"
        if count == 1 and "recorded update 2" in result.stdout:
            return "an update that was recorded is lost"
        if result.returncode not in (0, 1, -9, 137):
            return "another status than done, failed and killed"
        if result.returncode == 1 and "hcs-journal: " not in result.stderr:
            return "a failure without a word"
        self.counts["recorded" if count == 2 else "not recorded"] += 1
        # What had come between: recorded and not applied, or neither. The next command finds it.
        again = self.hcs(*self.command, check=False)
        if again.returncode != 0:
            return f"the next command fails: {again.stderr}"
        there = self.hcs("replay", "--image", "program.hot", "--json", check=False)
        if there.returncode != 0:
            return f"replay fails: {there.stderr}"
        target = json.loads(there.stdout)["targets"][0]
        after = self.hcs("verify", "--image", "program.hot", "--json", check=False)
        if target["to"]["number"] != 2 or after.returncode != 0:
            return f"the target does not come to update 2: {there.stdout} {after.stdout}"
        return None


def main():
    tool = pathlib.Path(sys.argv[1]).resolve()
    sample = int(sys.argv[3]) if sys.argv[2:3] == ["--sample"] else 1
    with tempfile.TemporaryDirectory() as folder:
        sweep = Sweep(tool, pathlib.Path(folder).resolve())
        cases = [(*call, how) for call in sweep.calls() for how in ("kill", "once", "always")]
        for case in cases[::sample]:
            sweep.check(*case)
    print(f"{len(cases)} cases; " + ", ".join(f"{name}: {count}" for name, count in sorted(sweep.counts.items())))
    if sweep.passed == 0:
        sweep.failed += 1
    print(f"{sweep.passed} passed, {sweep.failed} failed")
    sys.exit(1 if sweep.failed else 0)


if __name__ == "__main__":
    main()
