"""A generated C program: many small functions in many objects, the same ones every time."""

import os
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support import Failed, run, tell

PER_UNIT = 100


class Program:
    """`units` objects of 100 functions each. A function calls another of the program, often of another object."""

    def __init__(self, folder, units, flags, main=None):
        self.folder = Path(folder)
        self.units = units
        self.flags = flags
        self.main = main or "long f000000(long);\nint main(int n, char **v) { return n > 99 ? (int)f000000(n) : 0; }\n"
        self.image = self.folder / "program"
        self.objects = self.folder / "objects"

    @property
    def functions(self):
        return self.units * PER_UNIT

    def object(self, unit):
        return self.objects / f"u{unit:04}.o"

    def edited(self, unit, version):
        return self.folder / "edited" / f"u{unit:04}-{version}.o"

    # Sources. All numbers come from the function's own number: no state, no random generator.

    def _function(self, number, version):
        a, b, c = (number * 2654435761 >> shift & 0x7FFF for shift in (3, 9, 15))
        callee = number + 1 + (a * 31 + b) % 5000
        call = f"x ^= f{callee:06}(x >> 3);" if callee < self.functions else "x += bias;"
        edit = "".join(f" x = x * {5 + step} ^ {b + step}; if (x & {c | 4}) x -= {a};" for step in range(version))
        return (
            f"long f{number:06}(long x) {{ x = x * {2 * a + 1} + {b};{edit} "
            f"if (x & {c | 1}) {{ calls++; {call} }} return x ^ {c}; }}\n"
        )

    def source(self, unit, version=0):
        """With a version above 0, the unit's middle function is another one."""
        first = unit * PER_UNIT
        numbers = range(first, first + PER_UNIT)
        middle = first + PER_UNIT // 2
        declared = "".join(f"long f{number:06}(long);\n" for number in self._callees(numbers))
        body = "".join(self._function(number, version if number == middle else 0) for number in numbers)
        return f"{declared}static long calls;\nlong bias{unit:04} = {unit};\n#define bias bias{unit:04}\n{body}"

    def _callees(self, numbers):
        found = set()
        for number in numbers:
            a, b = (number * 2654435761 >> shift & 0x7FFF for shift in (3, 9))
            found.add(number + 1 + (a * 31 + b) % 5000)
        return sorted(callee for callee in found if callee < self.functions)

    # Building

    def _compile(self, source, output):
        if output.exists():
            return
        path = output.with_suffix(".c")
        path.write_text(source)
        # The name in the object is the unit's, whatever the file is called.
        part = output.with_suffix(".part")
        run(["gcc", "-c", "-O1", "-ffunction-sections", *self.flags, "-x", "c", "-o", part, path])
        os.replace(part, output)
        path.unlink()

    def build(self, edits):
        """Compiles what is not there yet. `edits`: pairs of a unit and a version."""
        for folder in (self.objects, self.folder / "edited"):
            folder.mkdir(parents=True, exist_ok=True)
        tell(f"compiling {self.functions} functions in {self.units} objects (kept for the next run)")
        jobs = [(self.source(unit), self.folder / "pristine" / f"u{unit:04}.o") for unit in range(self.units)]
        (self.folder / "pristine").mkdir(exist_ok=True)
        main = self.folder / "pristine" / "main.o"
        jobs.append((self.main, main))
        with ThreadPoolExecutor(2) as pool:
            for _ in pool.map(lambda job: self._compile(*job), jobs):
                pass
            for unit, version in edits:
                self._compile_edit(unit, version)
        shutil.copytree(self.folder / "pristine", self.objects, dirs_exist_ok=True)

    def _compile_edit(self, unit, version):
        output = self.edited(unit, version)
        if output.exists():
            return
        # gcc takes the name of the object's file symbol from the source's path.
        folder = output.parent / f"{unit}-{version}"
        folder.mkdir(exist_ok=True)
        name = folder / f"u{unit:04}.o"
        self._compile(self.source(unit, version), name)
        os.replace(name, output)
        folder.rmdir()

    def edit(self, unit, version):
        """What an editor and a compiler leave behind."""
        shutil.copyfile(self.edited(unit, version), self.object(unit))

    # Linking

    def link_words(self, linker, output):
        """The command that gcc would give to its linker, for this one."""
        objects = [str(self.objects / "main.o")] + [str(self.object(unit)) for unit in range(self.units)]
        words = []
        skip = False
        for word in _driver_words(output):
            if skip or word.startswith("-plugin"):
                skip = word == "-plugin"
            elif word == "main.o":
                words += objects
            else:
                words.append(word)
        return [linker, *words]

    def link(self, linker="ld.lld"):
        run(self.link_words(linker, self.image))


def _driver_words(output):
    """What gcc gives to its linker: the C library's start files and folders are its to know."""
    done = subprocess.run(["gcc", "-###", "-o", str(output), "main.o"], capture_output=True, text=True, check=False)
    for line in done.stderr.splitlines():
        words = shlex.split(line)
        if words and words[0].endswith(("collect2", "/ld")):
            return words[1:]
    raise Failed("gcc -### shows no link command:\n" + done.stderr)
