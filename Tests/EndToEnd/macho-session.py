#!/usr/bin/env python3
"""Twenty edits of a C program of several files, and some of one in Swift and one in C++, linked as Mach-O.

Each edit is recorded from the objects that a compiler makes of it. At each the patched file, mapped afresh at a slide
of its own, gives in an emulator what a clean link of the same objects gives; LIEF and llvm-objdump read it, and its
signature holds. Rolled back, it is the prepared image in every byte.
Ends with `N passed, N failed` on a line of its own.
"""

import hashlib
import json
import pathlib
import random
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))

from linked import Session  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAM = HERE / "arm64" / "program"
SOURCES = [PROGRAM / f"{name}.c" for name in ("rules", "shapes", "state", "text")] + [HERE / "macho" / "main.c"]
SWIFT, CXX, THROWING = (HERE / "macho" / name for name in ("program.swift", "program.cc", "throwing.cc"))
# The machine, the compiler's flags, and whether ld64.lld chains fixups; nil where `zig cc` compiles and links.
BUILDS = {
    "chained": ("arm64", ["-O2"], "-fixup_chains"),
    "opcodes": ("arm64", ["-O1"], "-no_fixup_chains"),
    "zig": ("arm64", ["-O2", "-fno-sanitize=all"], None),
    "plain": ("arm64", ["-O0", "-g"], "-fixup_chains"),
    "x86-chained": ("x86_64", ["-O2"], "-fixup_chains"),
    "x86-opcodes": ("x86_64", ["-Os"], "-no_fixup_chains"),
    "x86-zig": ("x86_64", ["-O1", "-fno-sanitize=all"], None),
    # Embedded Swift: what of its library the toolchain has for Mach-O without Apple's SDK.
    "swift": ("arm64", ["-O", "-wmo", "-parse-as-library", "-enable-experimental-feature", "Embedded"], "-fixup_chains"),
    "c++": ("arm64", ["-O1", "-fno-rtti", "-fno-exceptions", "-Wno-main"], "-fixup_chains"),
    # Exceptions, with an unwinder and the C++ runtime linked in, for the emulator has no system.
    "throws": ("arm64", ["-O1", "-fexceptions", "-funwind-tables", "-fno-sanitize=all", "-nostdinc++"], None),
    "x86-throws": ("x86_64", ["-O2", "-fexceptions", "-funwind-tables", "-fno-sanitize=all", "-nostdinc++"], None),
    "x86-c++": ("x86_64", ["-O1", "-fno-rtti", "-fno-exceptions", "-Wno-main"], "-no_fixup_chains"),
}


def package(name, version):
    return subprocess.run([ROOT / "scripts/install-python", name, version], capture_output=True, text=True,
                          check=True).stdout.strip()


LIEF, UNICORN, ZIG = package("lief", "1.0.0"), package("unicorn", "2.1.4"), package("ziglang", "0.14.1") + "/ziglang"
LIBRARIES = f"{ZIG}/lib/libc/darwin/libSystem.tbd"
sys.path.append(LIEF)
from unwind_info import UnwindInfo  # noqa: E402

# Of LLVM, as Zig ships them; what they need of the system is in macho/system.c.
UNWINDER = ["libunwind.cpp", "UnwindLevel1.c", "UnwindRegistersRestore.S", "UnwindRegistersSave.S"]
RUNTIME = [f"{name}.cpp" for name in (
    "cxa_exception cxa_exception_storage cxa_personality cxa_handlers private_typeinfo cxa_virtual fallback_malloc "
    "stdlib_typeinfo stdlib_exception stdlib_new_delete cxa_aux_runtime").split()]
# Without threads; what libc++ has to be told where no one has configured it.
WITHOUT_THREADS = ["-O1", "-funwind-tables", "-fno-sanitize=all", "-DNDEBUG", "-D_LIBUNWIND_HAS_NO_THREADS", "-D_LIBCXXABI_HAS_NO_THREADS"]
LIBRARY = ["-std=c++23", "-nostdinc++", "-D_LIBCPP_BUILDING_LIBRARY", "-DLIBCXX_BUILDING_LIBCXXABI",
           "-D_LIBCXXABI_BUILDING_LIBRARY", "-D_LIBCPP_ABI_VERSION=1", "-D_LIBCPP_ABI_NAMESPACE=__1",
           "-D_LIBCPP_HARDENING_MODE_DEFAULT=2", "-D_LIBCPP_PSTL_BACKEND_SERIAL",
           "-D_LIBCPP_HAS_UNICODE=1", "-D_LIBCPP_HAS_WIDE_CHARACTERS=1",
           *(f"-D_LIBCPP_HAS_{name}=0" for name in (
               "THREADS MONOTONIC_CLOCK FILESYSTEM LOCALIZATION RANDOM_DEVICE TIME_ZONE_DATABASE "
               "VENDOR_AVAILABILITY_ANNOTATIONS TERMINAL").split()),
           *(f"-I{ZIG}/lib/{name}" for name in (
               "libcxx/include", "libcxxabi/include", "libcxx/src", "libunwind/include"))]


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


class MachOSession(Session):
    builds = BUILDS

    def __init__(self, tool, name, work):
        super().__init__(tool, name, work)
        self.machine, self.flags, self.chains = BUILDS[name]
        self.is_swift = name == "swift"
        self.is_cxx = name.endswith("c++")
        self.throws = name.endswith("throws")
        self.edits = 7 if self.throws else 6 if self.is_swift or self.is_cxx else 20
        self.random = random.Random(name)

    def compiler(self):
        zig = "aarch64" if self.machine == "arm64" else self.machine
        if self.chains is None:
            return [f"{ZIG}/zig", "cc", "-target", f"{zig}-macos.12.0"]
        processor = ["-mcpu=apple-m1"] if self.machine == "arm64" else []
        return ["clang", "-target", f"{self.machine}-apple-none-macho", "-ffreestanding", "-fPIC", *processor]

    def objects(self, edit, *more):
        folder = self.work / f"objects{edit}{''.join(more)}"
        if not folder.exists():
            folder.mkdir()
            if self.is_swift:
                conditions = [word for number in range(edit) for word in ("-D", f"EDIT{number + 1}")]
                subprocess.run(["swiftc", "-target", "arm64-apple-none-macho", *self.flags, *conditions, "-module-name", "program",
                                "-c", SWIFT, "-o", folder / "program.o"], check=True)
                return [folder / "program.o"]
            if self.is_cxx or self.throws:
                source = CXX if self.is_cxx else THROWING
                line = [*self.compiler(), *self.flags, f"-DEDIT={edit}", "-c", source.name, "-o", folder / "program.o"]
                subprocess.run(line, cwd=source.parent, check=True)
                return [folder / "program.o"]
            for source in SOURCES:
                line = [*self.compiler(), *self.flags, *more, f"-DEDIT={edit}", "-I", PROGRAM, "-c", source.name, "-o",
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
                        "-adhoc_codesign", "-headerpad", "0x400", self.chains, LIBRARIES]
            subprocess.run([*line, "-o", image, *self.objects(edit), *self.runtime()], check=True)
        return image

    def runtime(self):
        """The objects of the unwinder and of the C++ runtime, where the program has them."""
        folder = self.work / "runtime"
        if self.throws and not folder.exists():
            folder.mkdir()
            sources = [(f"{ZIG}/lib/libunwind/src/{name}", ["-fno-exceptions", "-fno-rtti", "-D_LIBUNWIND_IS_NATIVE_ONLY",
                                                           f"-I{ZIG}/lib/libunwind/include"]) for name in UNWINDER]
            sources += [(f"{ZIG}/lib/libcxxabi/src/{name}", LIBRARY) for name in RUNTIME]
            for path, flags in [*sources, (HERE / "macho" / "system.c", ["-fno-builtin"])]:
                line = [*self.compiler(), *WITHOUT_THREADS, *flags, "-c", path, "-o", folder / f"{pathlib.Path(path).stem}.o"]
                subprocess.run(line, check=True)
        return sorted(folder.glob("*.o"))

    def output(self, image):
        """What its functions return, called in an emulator one after the other."""
        slide = self.random.randrange(0, 1 << 14) << 16
        calls = [f"_result:{at}" for at in range(0, 40, 3)] + ["_rounds_until:24", "_tinier", "_main"]
        if self.is_swift or self.is_cxx or self.throws:
            calls = [f"_result:{at}" for at in range(12)] + ["_main"]
        line = [sys.executable, HERE / "support/run-macho.py", LIEF, UNICORN, image, hex(slide), *calls]
        done = subprocess.run(line, capture_output=True, text=True)
        return f"{done.stdout}{done.stderr}[status {done.returncode}]"

    def refused(self, words, command, *rest):
        """The command names what is in the way, and changes nothing."""
        done = self.said(command, *rest)
        self.check(done.returncode == 1 and all(word in done.stderr for word in words),
                   f"{command} is refused with {words}", done.stdout + done.stderr)

    def init_options(self):
        return ["--objects", *self.runtime(), "--libraries", LIBRARIES] if self.throws else ["--libraries", LIBRARIES]

    def init_checks(self, said):
        if self.throws:
            self.check("not what the image was linked from" not in said, "init knows the objects again", said)

    def file_checks(self, edit, what):
        holds = signature_holds(self.file.read_bytes())
        self.check(holds is not False and (holds or self.machine != "arm64"), f"the signature of {what} at {edit}")
        if self.throws:
            self.tells_unwinders(edit, what)
        if edit % 7 == 0:
            line = ["llvm-objdump", "--macho", "--private-headers", "--rebase", "--bind", self.file]
            done = subprocess.run(line, capture_output=True, text=True)
            self.check(done.returncode == 0 and not done.stderr, f"llvm-objdump reads the file at {edit}", done.stderr)

    def tells_unwinders(self, edit, what):
        """Of each function the table says what that of a clean link says, of the body that runs now."""
        ours, theirs = UnwindInfo(self.file), UnwindInfo(self.clean(edit))
        stands = {line.split()[2]: int(line.split()[0], 16)
                  for line in subprocess.run(["llvm-nm", self.clean(edit)], capture_output=True, text=True, check=True).stdout.splitlines()
                  if len(line.split()) == 3}
        for name in ("_thrower", "_keeping", "_cleaning", "_result", "_guarded", "___cxa_throw"):
            if name not in stands:
                continue
            body = int(self.place(name, edit), 16)
            mine, other = ours.function(body + 8), theirs.function(stands[name] + 8)
            self.check(mine and other and (mine[0], other[0]) == (body, stands[name]) and mine[1] == other[1]
                       and [bool(part) for part in mine[2:]] == [bool(part) for part in other[2:]],
                       f"the unwind table tells of {name} in {what} at {edit}", f"{mine}\n{other}")

    def last_checks(self):
        if "-g" in self.flags:
            self.tells_of_debug_information()
        if not self.is_swift and not self.is_cxx and not self.throws:
            self.knows_no_library()

    def tells_of_debug_information(self):
        """Types of the running program's data do not change, and code has lines of its source."""
        self.refused(["struct rule", "layout of a type"], "record", *self.objects(19, "-DOTHER_TYPE", "-Wno-pointer-sign"))
        done = self.said("at", self.place("_step"))
        self.check(done.returncode == 0 and "_step" in done.stdout and "state.c:" in done.stdout, "at tells the line",
                   done.stdout + done.stderr)

    def place(self, name, edit=None):
        """Where the body of a function stands at an edit, or now."""
        told = json.loads(self.said("symbol", name, "--json").stdout)["symbols"][0]["bodies"]
        bodies = [body for body in told if body["placement"] and body["update"] <= (self.edits if edit is None else edit)]
        return max(bodies, key=lambda body: body["update"])["placement"]["address"] if bodies else "0x0"

    def knows_no_library(self):
        """Without a description of the libraries, only what the image imports already can be referred to."""
        self.journal = self.work / "other.hcsj"
        self.hcs("init", self.work / "image", "--objects", *self.objects(0), "-o", self.work / "other.hot")
        self.refused(["_getpgrp", "--libraries"], "record", "--dry-run", *self.objects(16))


if __name__ == "__main__":
    MachOSession.main(__doc__, ["chained", "zig"])
