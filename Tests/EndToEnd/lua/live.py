"""Interpreters that run session.lua: at work on a fixed list of commands, or alive and asked one command at a time."""

import os
import pathlib
import select
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
FIXED = "probe\n\nstate\n\nbody\n\nload\n2\nstate\n\n"

# Hangs must end a run of the tests; no check depends on how long an answer takes.
PATIENCE = 300


def environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("LUA_")}


def transcript(command, arguments=("session.lua",), name=None, text=FIXED):
    """Everything that a fresh process prints for `text`, and its exit status. `name` replaces argv[0]."""
    words = [str(word) for word in command]
    output = subprocess.run(
        [words[0] if name is None else name, *words[1:], *arguments], executable=words[0], input=text, cwd=HERE,
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        timeout=PATIENCE)
    return f"{output.stdout}[status {output.returncode}]\n"


class Ended(Exception):
    """The process went away, or fell silent, where an answer was due."""


class Session:
    """A living process. Asked through its prompt, it has no frame of the main loop on its stack while it waits."""

    def __init__(self, label, command, prompt=False):
        self.label = label
        self.prompt = prompt
        self.position = 0
        self.counters = {}
        words = [str(word) for word in command]
        words += ["-e", "_PROMPT, _PROMPT2 = '', ''", "-i", "session.lua", "prompt"] if prompt else ["session.lua"]
        self.buffer = b""
        self.process = subprocess.Popen(words, cwd=HERE, env=environment(), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.pid = self.process.pid
        if prompt:
            self.until(b"PUC-Rio\n")

    def send(self, command, argument=""):
        line = f"answer([[{command}]], [[{argument}]])\n" if self.prompt else f"{command}\n{argument}\n"
        try:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Ended(f"{self.label}: ended with {self.process.wait()}") from None

    def until(self, mark):
        deadline = time.monotonic() + PATIENCE
        while mark not in self.buffer:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not data:
                state = f"ended with {self.process.wait()}" if ready else "gives no answer"
                raise Ended(f"{self.label}: {state} after {self.buffer.decode(errors='replace')!r}")
            self.buffer += data
        answer, self.buffer = self.buffer.split(mark, 1)
        return answer.decode(errors="replace")

    def ask(self, command, argument=""):
        self.send(command, argument)
        return self.until(b"#end\n")

    def leave(self):
        """Ends the input; everything that is still printed, and the status, which is negative for a signal."""
        if self.process.poll() is None:
            self.process.stdin.close()
        rest = self.buffer + self.process.stdout.read()
        return rest.decode(errors="replace"), self.process.wait(PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait()
