#!/usr/bin/env python3
"""Twenty edits of a C program of several files, linked as Mach-O.

Each edit is recorded from the objects that a compiler makes of it. At each the patched file, mapped afresh at a slide
of its own, gives in an emulator what a clean link of the same objects gives; LIEF and llvm-objdump read it, and its
signature holds. Rolled back, it is the prepared image in every byte.
Ends with `N passed, N failed` on a line of its own.
"""

import argparse
import hashlib
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAM = HERE / "arm64" / "program"
SOURCES = [PROGRAM / f"{name}.c" for name in ("rules", "shapes", "state", "text")] + [HERE / "macho" / "main.c"]
EDITS = 20
# The machine, the compiler's flags, and whether ld64.lld chains fixups; nil where `zig cc` compiles and links.
BUILDS = {
    "chained": ("arm64", ["-O2"], "-fixup_chains"),
    "opcodes": ("arm64", ["-O1"], "-no_fixup_chains"),
    "zig": ("arm64", ["-O2", "-fno-sanitize=all"], None),
    "plain": ("arm64", ["-O0", "-g"], "-fixup_chains"),
    "x86-chained": ("x86_64", ["-O2"], "-fixup_chains"),
    "x86-opcodes": ("x86_64", ["-Os"], "-no_fixup_chains"),
    "x86-zig": ("x86_64", ["-O1", "-fno-sanitize=all"], None),
}


def package(name, version):
    return subprocess.run([ROOT / "scripts/install-python", name, version], capture_output=True, text=True,
                          check=True).stdout.strip()


LIEF, UNICORN, ZIG = package("lief", "1.0.0"), package("unicorn", "2.1.4"), package("ziglang", "0.14.1") + "/ziglang"


def signature_holds(content):
    """Whether every hash of the code directory is that of its page (xnu, osfmk/kern/cs_blobs.h)."""
    at, directory = 32, None
    for _ in range(struct.unpack_from("<I", content, 16)[0]):
        command, size = struct.unpack_from("<II", content, at)
        if command == 0x1D:
            directory = struct.unpack_from("<I", content, at + 8)[0]
        at += size
    if directory is None:
        return None
    count = struct.unpack_from(">I", content, directory + 8)[0]
    slots = dict(struct.unpack_from(">II", content, directory + 12 + 8 * slot) for slot in range(count))
    start = directory + slots[0]
    hashes, = struct.unpack_from(">I", content, start + 16)
    pages, limit = struct.unpack_from(">II", content, start + 28)
    size = 1 << content[start + 39]
    return all(
        hashlib.sha256(content[page * size : min((page + 1) * size, limit)]).digest()
        == content[start + hashes + 32 * page : start + hashes + 32 * page + 32]
        for page in range(pages))


class Session:
    def __init__(self, tool, name, work):
        self.tool, self.name, self.work = tool, name, work
        self.machine, self.flags, self.chains = BUILDS[name]
        self.journal, self.file = work / "j.hcsj", work / "file"
        self.passed = self.failed = 0
        self.results = {}
        self.random = random.Random(name)

    def check(self, holds, what, detail=""):
        self.passed += bool(holds)
        self.failed += not holds
        if not holds:
            print(f"FAILED {self.name}: {what}\n{detail}".rstrip(), flush=True)
        return holds

    def compiler(self):
        zig = "aarch64" if self.machine == "arm64" else self.machine
        if self.chains is None:
            return [f"{ZIG}/zig", "cc", "-target", f"{zig}-macos.12.0"]
        processor = ["-mcpu=apple-m1"] if self.machine == "arm64" else []
        return ["clang", "-target", f"{self.machine}-apple-none-macho", "-ffreestanding", "-fPIC", *processor]

    def objects(self, edit):
        folder = self.work / f"objects{edit}"
        if not folder.exists():
            folder.mkdir()
            for source in SOURCES:
                line = [*self.compiler(), *self.flags, f"-DEDIT={edit}", "-I", PROGRAM, "-c", source.name, "-o",
                        folder / f"{source.stem}.o"]
                subprocess.run(line, cwd=source.parent, check=True)
        return sorted(folder.glob("*.o"))

    def clean(self, edit):
        image = self.work / f"clean{edit}"
        if not image.exists():
            if self.chains is None:
                line = [*self.compiler(), "-Wl,-headerpad,0x400"]
            else:
                line = ["ld64.lld", "-arch", self.machine, "-platform_version", "macos", "12.0", "12.0",
                        "-adhoc_codesign", "-headerpad", "0x400", self.chains, f"{ZIG}/lib/libc/darwin/libSystem.tbd"]
            subprocess.run([*line, "-o", image, *self.objects(edit)], check=True)
        return image

    def output(self, image):
        """What its functions return, called in an emulator one after the other."""
        slide = self.random.randrange(0, 1 << 14) << 16
        calls = [f"_result:{at}" for at in range(0, 40, 3)] + ["_rounds_until:24", "_tinier", "_main"]
        line = [sys.executable, HERE / "support/run-macho.py", LIEF, UNICORN, image, hex(slide), *calls]
        done = subprocess.run(line, capture_output=True, text=True)
        return f"{done.stdout}{done.stderr}[status {done.returncode}]"

    def hcs(self, command, *words):
        line = [self.tool, command, "-j", self.journal, *words]
        done = subprocess.run([str(word) for word in line], capture_output=True, text=True)
        return self.check(done.returncode == 0, f"{command} {' '.join(map(str, words))}", done.stdout + done.stderr)

    def runs_as(self, edit, what):
        if edit not in self.results:
            self.results[edit] = self.output(self.clean(edit))
        wanted, got = self.results[edit], self.output(self.file)
        self.check(got == wanted and wanted.endswith("[status 0]"), f"{what} at {edit}",
                   f"  is      {got}\n  must be {wanted}")
        holds = signature_holds(self.file.read_bytes())
        self.check(holds is not False and (holds or self.machine != "arm64"), f"the signature of {what} at {edit}")

    def is_read(self, edit):
        done = subprocess.run(["llvm-objdump", "--macho", "--private-headers", "--rebase", "--bind", self.file], capture_output=True, text=True)
        self.check(done.returncode == 0 and not done.stderr, f"llvm-objdump reads the file at {edit}", done.stderr)

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
            self.runs_as(edit, "the patched file")
            self.check(self.results[edit] != self.results[edit - 1], f"edit {edit} can be seen")
            if edit % 7 == 0:
                self.is_read(edit)
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
    parser.add_argument("builds", nargs="*", default=["chained", "zig"], help=f"of {', '.join(BUILDS)}")
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
