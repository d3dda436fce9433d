#!/usr/bin/env python3
"""Twenty edits of a C program of several files, and some of one in C++ that throws, linked for arm64 as ELF.

Each edit is recorded from the objects that a compiler makes of it. At each the patched file runs under qemu-aarch64 as
a clean link of the same objects does; rolled back, it is the prepared image in every byte.
Ends with `N passed, N failed` on a line of its own.
"""

import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))

from linked import Session  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent / "arm64" / "program"
THROWING = HERE.parent.parent / "macho" / "throwing.cc"
ROOT = "/usr/aarch64-linux-gnu"
CLANG = ["clang", "--target=aarch64-linux-gnu", "--sysroot=/", "-idirafter", f"{ROOT}/include"]
GCC = ["aarch64-linux-gnu-gcc"]
GXX = ["aarch64-linux-gnu-g++"]
CLANGXX = ["clang++", "--target=aarch64-linux-gnu", "--sysroot=/", "-idirafter", f"{ROOT}/include"]
# What edits import, a static image must have been linked with.
BUILDS = {
    "gcc": (GCC, ["-O2", "-ffunction-sections", "-fno-section-anchors", "-g"], ["-pie"]),
    "clang": (CLANG, ["-O2", "-ffunction-sections", "-fPIE"], ["-pie", "-fuse-ld=lld"]),
    "guarded": (GCC, ["-O2", "-fdata-sections", "-fPIC", "-mbranch-protection=standard"], ["-pie", "-Wl,-z,now"]),
    "fixed": (CLANG, ["-O0", "-fno-pie"], ["-no-pie"]),
    "static": (GCC, ["-Os", "-ffunction-sections", "-fdata-sections", "-fno-pie", "-fno-tree-loop-distribute-patterns"], ["-static", "-Wl,-u,puts,-u,strchr"]),
    "small-got": (GCC, ["-O2", "-ffunction-sections", "-fdata-sections", "-fpic"], ["-pie"]),
    "trad-tls": (GCC, ["-O2", "-ffunction-sections", "-fdata-sections", "-fPIC", "-mtls-dialect=trad"], ["-pie"]),
    "throws": (GXX, ["-O1", "-ffunction-sections", "-fno-section-anchors", "-DPRINTS"], ["-pie"]),
    "throws-fixed": (GXX, ["-O2", "-ffunction-sections", "-fno-section-anchors", "-fno-pie", "-DPRINTS"], ["-no-pie"]),
    "throws-clang": (CLANGXX, ["-O1", "-ffunction-sections", "-fPIE", "-DPRINTS"], ["-pie", "-fuse-ld=lld"]),
    "throws-static": (GXX, ["-O2", "-ffunction-sections", "-fno-section-anchors", "-fno-pie", "-DPRINTS"], ["-static", "-Wl,--eh-frame-hdr"]),
}


class ARM64Session(Session):
    builds = BUILDS

    def __init__(self, tool, name, work):
        super().__init__(tool, name, work)
        self.compiler, self.flags, self.links = BUILDS[name]
        self.throws = name.startswith("throws")
        self.edits = 7 if self.throws else 20

    def objects(self, edit):
        folder = self.work / f"objects{edit}"
        if not folder.exists():
            folder.mkdir()
            for source in [THROWING] if self.throws else sorted(HERE.glob("*.c")):
                out = folder / f"{source.stem}.o"
                subprocess.run([*self.compiler, *self.flags, f"-DEDIT={edit}", "-c", source.name, "-o", out],
                               cwd=source.parent, check=True)
        return sorted(folder.glob("*.o"))

    def clean(self, edit):
        program = self.work / f"clean{edit}"
        if not program.exists():
            subprocess.run([*self.compiler, *self.links, "-o", program, *self.objects(edit)], check=True)
        return program

    def output(self, program):
        done = subprocess.run(["qemu-aarch64", "-L", ROOT, program], capture_output=True, text=True)
        return f"{done.stdout}{done.stderr}[status {done.returncode}]"


if __name__ == "__main__":
    ARM64Session.main(__doc__, ["gcc", "clang"])
