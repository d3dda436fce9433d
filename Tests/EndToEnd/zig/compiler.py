"""The self-hosted Zig compilers as living processes that rewrite their output in place, each by its own protocol."""

import os
import pathlib
import queue
import struct
import subprocess
import threading

ROOT = pathlib.Path(__file__).resolve().parents[3]
PATIENCE = 300


class CompilerEnded(Exception):
    pass


def executable(version):
    found = subprocess.run([ROOT / "scripts/install-python", "ziglang", version], check=True, capture_output=True,
                           text=True)
    return pathlib.Path(found.stdout.strip()) / "ziglang" / "zig"


def compiler(version, target, source, work):
    kind = Prompt if version.startswith(("0.9.", "0.10.")) else Server
    return kind(version, target, source, work)


class Compiler:
    """`update` compiles what has changed. True where the image is written, False where the source has an error."""

    def __init__(self, version, target, source, work):
        self.version, self.source, self.work = version, source, work
        environment = dict(os.environ, ZIG_GLOBAL_CACHE_DIR=str(work / "global-cache"))
        words = [executable(version), "build-exe", source.name, "-target", target, *self.flags(),
                 "--cache-dir", work / "cache"]
        self.errors = work / "compiler-errors"
        self.child = subprocess.Popen([str(word) for word in words], cwd=work, env=environment,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.said = queue.Queue()
        for stream in self.streams():
            threading.Thread(target=self.listen, args=(stream,), daemon=True).start()

    def listen(self, stream):
        while True:
            piece = os.read(stream.fileno(), 1 << 16)
            self.said.put(piece)
            if not piece:
                return

    def heard(self):
        try:
            piece = self.said.get(timeout=PATIENCE)
        except queue.Empty:
            raise CompilerEnded(f"zig {self.version} is silent") from None
        if not piece:
            raise CompilerEnded(f"zig {self.version} has ended: {self.child.wait()}")
        return piece

    def close(self):
        self.child.kill()
        self.child.wait()


class Prompt(Compiler):
    """0.9 and 0.10: a prompt that takes `update`, on standard error."""

    PROMPT = b"(zig) "

    def flags(self):
        image = f"-femit-bin={self.source.stem}"
        if self.version.startswith("0.9."):
            return ["-fno-LLVM", "--watch", image]
        return ["-fno-stage1", "-fno-LLVM", "--watch", image]

    def streams(self):
        return [self.child.stderr, self.child.stdout]

    @property
    def image(self):
        return self.work / self.source.stem

    is_started = False

    def update(self):
        if self.is_started:
            self.child.stdin.write(b"update\n")
            self.child.stdin.flush()
        self.is_started = True
        text = b""
        while not text.endswith(self.PROMPT):
            text += self.heard()
        self.text = text.decode(errors="replace")
        return "error:" not in self.text


class Server(Compiler):
    """0.14 and newer: messages of a tag, a length and a body on standard input and output (std.zig.Server)."""

    # Message tags, the same since 0.14: what we send, and the list of errors that ends each update.
    UPDATE, ERRORS = 1, 1

    def flags(self):
        return ["-fno-llvm", "-fno-lld", "-fincremental", "-fno-compiler-rt", "-fno-ubsan-rt", "-fsingle-threaded",
                "--listen=-"]

    def streams(self):
        threading.Thread(target=self.keep_errors, daemon=True).start()
        return [self.child.stdout]

    def keep_errors(self):
        with open(self.errors, "wb") as file:
            while piece := os.read(self.child.stderr.fileno(), 1 << 16):
                file.write(piece)
                file.flush()

    buffer = b""

    @property
    def image(self):
        found = sorted((self.work / "cache" / "o").glob(f"*/{self.source.stem}"))
        return found[0] if found else None

    def message(self):
        def need(count):
            while len(self.buffer) < count:
                self.buffer += self.heard()
        need(8)
        tag, length = struct.unpack("<II", self.buffer[:8])
        need(8 + length)
        body, self.buffer = self.buffer[8:8 + length], self.buffer[8 + length:]
        return tag, body

    def update(self):
        self.child.stdin.write(struct.pack("<II", self.UPDATE, 0))
        self.child.stdin.flush()
        tag = None
        while tag != self.ERRORS:
            tag, body = self.message()
        # Two counts, of words and of text: none where there is no error.
        self.text = body[8:].decode(errors="replace")
        return not any(body[:8])
