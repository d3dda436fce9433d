"""Lua's sources with the first N edits applied, and programs cleanly built from them. Everything is kept and reused."""

import os
import pathlib
import re
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
LIBRARIES = ["-Wl,-E", "-lm", "-ldl"]


class Edit:
    def __init__(self, path):
        self.path = path
        self.number = int(path.name[:2])
        self.name = path.stem
        text = path.read_text()
        self.why = re.match(r"# (.*)", text)[1]
        self.kinds = re.search(r"^# kinds: (.*)", text, re.M)[1].split()


def edits():
    return [Edit(path) for path in sorted((HERE / "edits").glob("*.patch"))]


def run(arguments, **options):
    return subprocess.run([str(a) for a in arguments], check=True, **options)


class Sources:
    """`tree(N)` is the folder of sources after the first N edits."""

    def __init__(self, work):
        self.work = work
        self.edits = edits()

    def tree(self, number):
        tree = self.work / "sources" / f"{number:02d}"
        if not tree.exists():
            partial = tree.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            if number == 0:
                run([HERE.parent / "support" / "fetch-source", "lua5.4", self.work / "debian"], stdout=subprocess.DEVNULL)
                shutil.copytree(self.work / "debian" / "source" / "src", partial / "src")
                # Debian's rules generate this header; the path in it is where C modules are searched.
                (partial / "src" / "lua5.4-deb-multiarch.h").write_text(
                    '#define DEB_HOST_MULTIARCH "x86_64-linux-gnu"\n')
            else:
                shutil.copytree(self.tree(number - 1).parent, partial)
                # No fuzz: a hunk that lands elsewhere than meant is worse than one that fails.
                run(["patch", "-p1", "-s", "-f", "-F0", "--no-backup-if-mismatch",
                     "-i", self.edits[number - 1].path], cwd=partial)
            partial.rename(tree)
        return tree / "src"


class Configuration:
    """One compiler with one set of flags. `program(N)` is a clean build of the sources at N."""

    def __init__(self, sources, compiler, optimization, flags, debug=True, sections=True):
        self.sources = sources
        self.compiler = compiler
        self.flags = [optimization, *flags]
        self.flags += ["-g"] if debug else []
        self.flags += ["-ffunction-sections"] if sections else []
        name = "".join([os.path.basename(compiler), *self.flags]).replace("/", "_")
        self.work = sources.work / name
        self.is_untyped = not debug

    def folder(self, number):
        return self.work / f"{number:02d}"

    def objects(self, number):
        """The objects of a clean build, and the names of those that were compiled anew since `number - 1`."""
        folder = self.folder(number)
        if not (folder / "changed").exists():
            self.build(number)
        return folder / "objects", (folder / "changed").read_text().split()

    def program(self, number):
        self.objects(number)
        return self.folder(number) / "lua"

    def build(self, number):
        folder, tree = self.folder(number), self.sources.tree(number)
        objects = folder / "objects"
        shutil.rmtree(folder, ignore_errors=True)
        names = sorted(path.stem for path in tree.glob("*.c") if path.name != "luac.c")
        if number == 0:
            objects.mkdir(parents=True)
            changed = names
        else:
            before, _ = self.objects(number - 1)
            shutil.copytree(before, objects)
            touched = self.touched(number)
            changed = [name for name in names if touched & self.dependencies(objects, name)]
        for name in changed:
            self.compile(tree, objects, name)
        run([self.compiler, *self.flags, "-o", folder / "lua",
             *(objects / f"{name}.o" for name in names), *LIBRARIES])
        (folder / "changed").write_text("\n".join(changed))

    def compile(self, tree, objects, name):
        # The path is mapped away, so that -g does not tell one edit's folder from another's.
        output = subprocess.run(
            [self.compiler, "-std=gnu99", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-DLUA_USE_LINUX",
             "-DLUA_COMPAT_5_3", f"-ffile-prefix-map={tree}=.", *self.flags, "-MMD", "-c", f"{name}.c",
             "-o", str(objects / f"{name}.o")], cwd=tree, capture_output=True, text=True)
        if output.returncode != 0:
            raise SystemExit(f"{self.compiler} {name}.c:\n{output.stderr}")

    def touched(self, number):
        text = self.sources.edits[number - 1].path.read_text()
        return set(re.findall(r"^\+\+\+ b/src/(\S+)", text, re.M))

    def dependencies(self, objects, name):
        rule = (objects / f"{name}.d").read_text().replace("\\\n", " ")
        return set(rule.split(":", 1)[1].split())
