"""A session of edits of a program: each is compiled, recorded into the journal of the first image, and compared with a clean link."""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile


class Session:
    """One way to build the program. Whoever inherits says how it is compiled and linked, and what it computes."""

    edits = 20
    builds = {}

    def __init__(self, tool, name, work):
        self.tool, self.name, self.work = tool, name, work
        self.journal, self.file = work / "j.hcsj", work / "file"
        self.passed = self.failed = 0
        self.results = {}

    def objects(self, edit):
        """The paths of its objects, compiled where they are missing."""
        raise NotImplementedError

    def clean(self, edit):
        """The path of a program linked of them, where it is missing."""
        raise NotImplementedError

    def output(self, image):
        """What it computes."""
        raise NotImplementedError

    def init_options(self):
        return []

    def init_checks(self, said):
        """What is to hold of what `init` says."""

    def file_checks(self, edit, what):
        """What else is to hold of the patched file."""

    def last_checks(self):
        """What else the session shows when all edits are recorded."""

    def check(self, holds, what, detail=""):
        self.passed += bool(holds)
        self.failed += not holds
        if not holds:
            print(f"FAILED {self.name}: {what}\n{detail}".rstrip(), flush=True)
        return holds

    def said(self, command, *words):
        line = [self.tool, command, "-j", self.journal, *words]
        return subprocess.run([str(word) for word in line], capture_output=True, text=True)

    def hcs(self, command, *words):
        done = self.said(command, *words)
        return self.check(done.returncode == 0, f"{command} {' '.join(map(str, words))}", done.stdout + done.stderr)

    def move(self, edit, back=False):
        return self.hcs("rollback" if back else "replay", "--to", edit, "--image", self.file)

    def result(self, edit):
        if edit not in self.results:
            self.results[edit] = self.output(self.clean(edit))
        return self.results[edit]

    def runs_as(self, edit, what):
        wanted, got = self.result(edit), self.output(self.file)
        self.check(got == wanted and not wanted.endswith("[status 1]"), f"{what} at {edit}",
                   f"  is      {got}\n  must be {wanted}")
        self.file_checks(edit, what)

    def run(self):
        image, prepared = self.work / "image", self.work / "image.hot"
        shutil.copy(self.clean(0), image)
        done = self.said("init", image, "--objects", *self.objects(0), *self.init_options(), "-o", prepared)
        if not self.check(done.returncode == 0, "init", done.stdout + done.stderr):
            return
        self.init_checks(done.stderr)
        shutil.copy(prepared, self.file)
        self.runs_as(0, "the prepared image")
        for edit in range(1, self.edits + 1):
            if not self.hcs("record", *self.objects(edit), "-m", f"edit {edit}", "--image", self.file):
                return
            self.runs_as(edit, "the patched file")
            self.check(self.result(edit) != self.result(edit - 1), f"edit {edit} can be seen")
        for edit in (self.edits * 2 // 3, self.edits // 5, 0):
            self.move(edit, back=True)
            self.runs_as(edit, "the file rolled back")
        self.check(self.file.read_bytes() == prepared.read_bytes(), "rolled back, it is the prepared image")
        self.move(self.edits)
        self.runs_as(self.edits, "the file replayed in one step")
        self.hcs("verify", "--image", self.file)
        self.last_checks()

    @classmethod
    def main(cls, description, default):
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("tool", type=pathlib.Path)
        parser.add_argument("builds", nargs="*", default=default, help=f"of {', '.join(cls.builds)}")
        options = parser.parse_args()
        passed = failed = 0
        for name in options.builds:
            with tempfile.TemporaryDirectory() as work:
                session = cls(options.tool.resolve(), name, pathlib.Path(work))
                session.run()
                passed += session.passed
                failed += session.failed
        print(f"{passed} passed, {failed} failed")
        sys.exit(1 if failed else 0)
