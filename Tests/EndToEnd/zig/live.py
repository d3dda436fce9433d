"""A process of the observed program, started through `hcs-journal run` from a private copy of the first image."""

import json
import os
import select
import struct
import subprocess
import time

from program import Meaning

PATIENCE = 300


class ProcessEnded(Exception):
    pass


class Process:
    def __init__(self, journal, options):
        self.name = "process " + ("without ASLR" if "--no-aslr" in options else "with ASLR")
        self.position, self.meaning = 0, Meaning()
        known = self.pids(journal)
        self.child = subprocess.Popen([str(word) for word in (journal.tool, "run", "-j", journal.path, *options)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.pid = self.new_pid(journal, known)

    @staticmethod
    def pids(journal):
        output = journal.run("targets", "--json")
        return {target["pid"] for target in json.loads(output.stdout)["targets"]} if output.returncode == 0 else set()

    def new_pid(self, journal, known):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.child.poll() is None:
            if new := self.pids(journal) - known:
                return new.pop()
            time.sleep(0.02)
        self.child.kill()
        raise ProcessEnded(f"it does not start: {self.child.stderr.read().decode(errors='replace')}")

    def ask(self, key):
        try:
            self.child.stdin.write(key.encode())
            self.child.stdin.flush()
        except OSError as error:
            raise ProcessEnded(f"it takes no command: {error}") from None
        answer = b""
        while len(answer) < 8:
            ready, _, _ = select.select([self.child.stdout], [], [], PATIENCE)
            piece = os.read(self.child.stdout.fileno(), 8 - len(answer)) if ready else b""
            if not piece:
                raise ProcessEnded(f"no answer to {key}; {self.ending()}")
            answer += piece
        return struct.unpack("<Q", answer)[0]

    def ending(self):
        try:
            return f"status {self.child.wait(timeout=1)}"
        except subprocess.TimeoutExpired:
            return "it runs on"

    def end(self):
        """The program ends with its input."""
        self.child.stdin.close()
        try:
            self.child.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.child.kill()
