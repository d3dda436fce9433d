"""Bytes of journal for an update, over sessions of real programs, against deltas of whole images and against git."""

import argparse
import filecmp
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

from support import machine, run, table, tell

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "EndToEnd" / "lua"))
sys.path.insert(0, str(TESTS / "EndToEnd" / "zig"))


class Recorded:
    """A journal that grows, and the images that go with its updates."""

    def __init__(self, tool, journal):
        self.tool, self.journal = tool, journal
        self.images = []
        self.refused = 0

    def begin(self, *words):
        run([self.tool, "-j", self.journal, *words])
        self.empty = self.journal.stat().st_size

    def record(self, why, *words):
        """False where nothing was recorded."""
        done = subprocess.run([str(word) for word in (self.tool, "-j", self.journal, "record", *words, "-m", why)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            self.refused += 1
            tell(f"refused: {done.stderr.strip()[:200]}")
        return done.returncode == 0 and "recorded update" in done.stdout

    @property
    def grown(self):
        """SQLite's log is part of the file once the last command has closed it."""
        return self.journal.stat().st_size - self.empty

    def parts(self):
        """Bytes of the pages of each table with its indexes, what the base image takes left out."""
        connection = sqlite3.connect(self.journal)
        sizes = {}
        for name, size in connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"):
            owner = connection.execute("SELECT tbl_name FROM sqlite_master WHERE name = ?", (name,)).fetchone()
            sizes[owner[0] if owner else name] = sizes.get(owner[0] if owner else name, 0) + size
        connection.close()
        return {name: size for name, size in sizes.items() if not name.startswith(("base", "sqlite"))}


# Lua


def lua(tool, folder, work, count):
    """Each of the edits once, then the sources go back and forth between what they have been, up to three edits at a time."""
    from build import Configuration, Sources

    configuration = Configuration(Sources(work), "gcc", "-O2", ["-fno-ipa-ra"], debug=True, sections=True)
    last = len(configuration.sources.edits)
    chance = random.Random(5)
    states = list(range(1, last + 1))
    while len(states) < count:
        states.append(min(last, max(0, states[-1] + chance.choice((-3, -2, -1, 1, 2, 3)))))
        if states[-1] == states[-2]:
            states.pop()
    stripped = {}

    def image(number):
        if number not in stripped:
            stripped[number] = folder / f"lua-{number:02}"
            run(["strip", "--strip-debug", "-o", stripped[number], configuration.program(number)])
        return stripped[number]

    shutil.copy(configuration.program(0), folder / "lua")
    recorded = Recorded(tool, folder / "lua.hcsj")
    recorded.begin("init", folder / "lua", "--objects", configuration.objects(0)[0])
    recorded.images = [image(0)]
    former, first = 0, None
    for number, state in enumerate(states[:count]):
        old, new = configuration.objects(former)[0], configuration.objects(state)[0]
        changed = [path for path in sorted(new.glob("*.o")) if not filecmp.cmp(path, old / path.name, shallow=False)]
        # Where an edit is refused, its objects are those of the next one as well.
        if recorded.record(f"{former} to {state}", *changed):
            recorded.images.append(image(state))
            former = state
        if number + 1 == last:
            first = (recorded.grown, len(recorded.images) - 1)
    return recorded, first


# Zig


def zig(tool, folder, version, target):
    import program
    from compiler import compiler

    state = program.program()
    source = folder / "hot.zig"
    source.write_text(program.text_of(state, version, target, "the beginning"))
    living = compiler(version, target, source, folder)
    try:
        if not living.update():
            raise SystemExit(living.text)
        recorded = Recorded(tool, folder / "hot.hcsj")
        recorded.begin("init", "--observe", living.image)

        def keep():
            kept = folder / f"{len(recorded.images):02}"
            shutil.copy(living.image, kept)
            recorded.images.append(kept)

        keep()
        for why, change in program.edits(version, target):
            if change is None:
                continue
            change(state)
            source.write_text(program.text_of(state, version, target, why))
            if living.update() and recorded.record(why, "--observe", living.image):
                keep()
    finally:
        living.close()
    return recorded


# The contenders


def deltas(images, folder):
    """For each of the other tools the bytes that all updates take together."""
    out = folder / "delta"
    words = {
        "xdelta3 -9": lambda old, new: ["xdelta3", "-e", "-9", "-f", "-s", old, new, out],
        "bsdiff": lambda old, new: ["bsdiff", old, new, out],
        "zstd -19 --patch-from": lambda old, new: ["zstd", "-19", "-q", "-f", f"--patch-from={old}", new, "-o", out],
    }
    sizes, known = dict.fromkeys(words, 0), {}
    for old, new in zip(images, images[1:]):
        for name, make in words.items():
            if (name, old, new) not in known:
                run(make(old, new))
                known[name, old, new] = out.stat().st_size
            sizes[name] += known[name, old, new]
    sizes["git, packed"] = packed(images, folder / "git") - packed(images[:1], folder / "git")
    return sizes


def packed(images, folder):
    shutil.rmtree(folder, ignore_errors=True)
    run(["git", "init", "-q", folder])
    git = ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.compression=9"]
    for number, image in enumerate(images):
        shutil.copy(image, folder / "image")
        run([*git, "add", "image"])
        run([*git, "commit", "-q", "--allow-empty", "-m", f"update {number}"])
    run([*git, "gc", "-q", "--aggressive", "--prune=now"])
    return sum(path.stat().st_size for path in (folder / ".git" / "objects").rglob("*") if path.is_file())


def report(title, recorded, folder, first=None):
    count = len(recorded.images) - 1
    image = recorded.images[0].stat().st_size
    print(f"{title}: {count} updates, {recorded.refused} refused; an image has {image} bytes, the empty journal "
          f"{recorded.empty}\n")
    if first:
        print(f"The first {first[1]} updates: {first[0] / first[1]:.0f} bytes each.\n")
    sizes = {"journal": recorded.grown, **deltas(recorded.images, folder)}
    table(["contender", "bytes for an update", "journal / contender"],
          [[name, f"{size / count:.0f}", f"{sizes['journal'] / size:.2f}"] for name, size in sizes.items()])
    parts = sorted(recorded.parts().items(), key=lambda part: -part[1])
    table(["table, indexes included", "bytes for an update"],
          [[name, f"{size / count:.0f}"] for name, size in parts if size >= count])


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench size")
    parser.add_argument("--tool", required=True, type=Path)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--count", type=int, default=200, help="updates of Lua")
    parser.add_argument("--lua", type=Path, default=TESTS.parent / ".build-lua", help="where its builds are kept")
    parser.add_argument("--only", choices=["lua", "zig"])
    options = parser.parse_args()
    print(machine() + "\n")
    for name in ("lua", "zig"):
        if options.only not in (None, name):
            continue
        folder = options.folder / f"size-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if name == "lua":
            recorded, first = lua(options.tool, folder, options.lua.resolve(), options.count)
            report("Lua 5.4, gcc -O2 -g -ffunction-sections", recorded, folder, first)
        else:
            recorded = zig(options.tool, folder, "0.14.1", "x86_64-linux")
            report("Zig 0.14.1, x86_64-linux, observed", recorded, folder)


main()
