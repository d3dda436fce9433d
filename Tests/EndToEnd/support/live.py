"""A session of edits of a program that runs: checks, the program, and the tool."""

import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile

# For what a machine under load may take long; nothing is asked that a defect answers by being late.
PATIENCE = 300


class Session:
    """Counts checks, each told only when it fails, and runs the tool in a folder of its own, which it makes the current one."""

    def __init__(self, tool):
        self.tool_path = tool
        self.passed = self.failed = 0
        self.folder = tempfile.mkdtemp()
        os.chdir(self.folder)
        os.environ["HCS_JOURNAL"] = str(pathlib.Path(self.folder) / "program.hcsj")

    def check(self, name, is_so, said=""):
        if is_so:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}: {said}", flush=True)

    def run(self, *words):
        return subprocess.run([self.tool_path, *words], capture_output=True, text=True, timeout=PATIENCE)

    def tool(self, *words, status=0):
        """Which must end with that status; any where it is None."""
        result = self.run(*words)
        self.check(" ".join(words), status in (None, result.returncode), f"status {result.returncode}: {result.stdout}{result.stderr}")
        return result

    def end(self):
        """The last line is `N passed, N failed`."""
        if self.failed:
            print(f"files kept in {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(self.failed > 0)


class Program:
    """A process that answers each line with one."""

    def __init__(self, words):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = str(self.process.pid)

    def say(self, word):
        try:
            self.process.stdin.write(word + "\n")
            self.process.stdin.flush()
            if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
                return "no answer"
            return self.process.stdout.readline().strip()
        except BrokenPipeError:
            return f"ended with status {self.process.wait()}"

    def maps(self):
        """Of the image, and of no file."""
        lines = [line.split() for line in pathlib.Path(f"/proc/{self.pid}/maps").read_text().splitlines()]
        return [line for line in lines if line[-1].endswith(".hot") or len(line) == 5]

    def end(self):
        self.process.stdin.close()
        return self.process.wait(PATIENCE)
