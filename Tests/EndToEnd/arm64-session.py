#!/usr/bin/env python3
"""Twenty edits of a C program of several files, linked for arm64 as ELF.

Each edit is recorded from the objects that a compiler makes of it. At each the patched file runs under qemu-aarch64 as
a clean link of the same objects does; rolled back, it is the prepared image in every byte.
Ends with `N passed, N failed` on a line of its own.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent / "arm64" / "program"
ROOT = "/usr/aarch64-linux-gnu"
EDITS = 20
CLANG = ["clang", "--target=aarch64-linux-gnu", "--sysroot=/", "-idirafter", f"{ROOT}/include"]
GCC = ["aarch64-linux-gnu-gcc"]
BUILDS = {
    "gcc": (GCC, ["-O2", "-ffunction-sections", "-fno-section-anchors", "-g"], ["-pie"]),
    "clang": (CLANG, ["-O2", "-ffunction-sections", "-fPIE"], ["-pie", "-fuse-ld=lld"]),
    "guarded": (GCC, ["-O2", "-fdata-sections", "-fPIC", "-mbranch-protection=standard"], ["-pie", "-Wl,-z,now"]),
    "fixed": (CLANG, ["-O0", "-fno-pie"], ["-no-pie"]),
    "static": (GCC, ["-Os", "-ffunction-sections", "-fdata-sections", "-fno-pie", "-fno-tree-loop-distribute-patterns"], ["-static"]),
}


class Session:
    def __init__(self, tool, name, work):
        self.tool, self.name, self.work = tool, name, work
        self.compiler, self.flags, self.links = BUILDS[name]
        self.journal, self.file = work / "j.hcsj", work / "file"
        self.passed = self.failed = 0

    def check(self, holds, what, detail=""):
        self.passed += bool(holds)
        self.failed += not holds
        if not holds:
            print(f"FAILED {self.name}: {what}\n{detail}".rstrip(), flush=True)
        return holds

    def objects(self, edit):
        folder = self.work / f"objects{edit}"
        if not folder.exists():
            folder.mkdir()
            for source in sorted(HERE.glob("*.c")):
                out = folder / f"{source.stem}.o"
                subprocess.run([*self.compiler, *self.flags, f"-DEDIT={edit}", "-c", source.name, "-o", out], cwd=HERE,
                               check=True)
        return sorted(folder.glob("*.o"))

    def clean(self, edit):
        program = self.work / f"clean{edit}"
        if not program.exists():
            subprocess.run([*self.compiler, *self.links, "-o", program, *self.objects(edit)], check=True)
        return program

    def output(self, program):
        done = subprocess.run(["qemu-aarch64", "-L", ROOT, program], capture_output=True, text=True)
        return f"{done.stdout}{done.stderr}[status {done.returncode}]"

    def hcs(self, command, *words):
        line = [self.tool, command, "-j", self.journal, *words]
        done = subprocess.run([str(word) for word in line], capture_output=True, text=True)
        return self.check(done.returncode == 0, f"{command} {' '.join(map(str, words))}", done.stdout + done.stderr)

    def runs_as(self, edit, what):
        wanted, got = self.output(self.clean(edit)), self.output(self.file)
        self.check(got == wanted, f"{what} at {edit}", f"  is      {got[:0]}\n  must be {wanted[:0]}")

    def move(self, edit, back=False):
        return self.hcs("rollback" if back else "replay", "--to", edit, "--image", self.file)

    def run(self):
        image = self.work / "image"
        shutil.copy(self.clean(0), image)
        prepared = self.work / "image.hot"
        if not self.hcs("init", image, "--objects", *self.objects(0), "-o", prepared):
            return
        shutil.copy(prepared, self.file)
        self.runs_as(0, "the prepared image")
        for edit in range(1, EDITS + 1):
            if not self.hcs("record", *self.objects(edit), "-m", f"edit {edit}", "--image", self.file):
                return
            self.check(self.output(self.clean(edit)) != self.output(self.clean(edit - 1)), f"edit {edit} can be seen")
            self.runs_as(edit, "the patched file")
        for edit in (13, 4, 0):
            self.move(edit, back=True)
            self.runs_as(edit, "the file rolled back")
        self.check(self.file.read_bytes() == prepared.read_bytes(), "rolled back, it is the prepared image")
        self.move(EDITS)
        self.runs_as(EDITS, "the file replayed in one step")
        self.hcs("verify", "--image", self.file)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", type=pathlib.Path)
    parser.add_argument("builds", nargs="*", default=["gcc", "clang"], help=f"of {', '.join(BUILDS)}")
    options = parser.parse_args()
    passed = failed = 0
    for name in options.builds:
        with tempfile.TemporaryDirectory() as work:
            session = Session(options.tool.resolve(), name, pathlib.Path(work))
            session.run()
            passed += session.passed
            failed += session.failed
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
