"""How long a target's threads stand still for one update, against other programs that do the same writes."""

import argparse
import ctypes
import json
import mmap
import struct
import subprocess
import time
from pathlib import Path

from support import Failed, Timed, duration, machine, median, ratio, run, spread, table, tell

SOURCES = Path(__file__).parent
PERIODS = 65536


class Victim:
    """A running `victim.c`, and the board on which it tells what it has seen."""

    def __init__(self, image, folder, threads, mode):
        board = folder / "board"
        board.unlink(missing_ok=True)
        self.threads = threads
        self.process = subprocess.Popen([image, board, str(threads), mode], stdout=subprocess.PIPE)
        if self.process.stdout.readline() != b"ready\n":
            raise Failed("the victim does not start")
        self.pid = self.process.pid
        with open(board, "r+b") as file:
            memory = mmap.mmap(file.fileno(), 0)
        # Whole words: `struct` would clear a word before it writes it, which the victim would see.
        self.board = (ctypes.c_uint64 * (len(memory) // 8)).from_buffer(memory)
        self.period = 0

    def end(self):
        self.process.kill()
        self.process.wait()

    def next_period(self):
        """Begins a period, once every thread has ended the one before."""
        arrived = self.board[1]
        self.period += 1
        self.board[0] = self.period
        deadline = time.monotonic() + 30
        while self.board[1] < arrived + self.threads:
            if time.monotonic() > deadline:
                raise Failed("the victim's threads do not come to an end of their periods")
            time.sleep(0.002)

    def pause(self, isolated):
        """What the period before has seen: of any thread, or of all at once."""
        start = 4 + (PERIODS if isolated else 0)
        return self.board[start + self.period - 1]

    @property
    def value(self):
        return self.board[2]

    @property
    def value_since(self):
        return self.board[3]

    def slide(self):
        with open(f"/proc/{self.pid}/maps", encoding="utf-8") as file:
            return int(file.readline().split("-")[0], 16)


class Writes:
    """What one update writes into a task, both ways, as the journal tells it."""

    def __init__(self, update, slide):
        self.forward, self.backward = [], []
        for operation in update["operations"]:
            if operation.get("initial") or "fileOffset" in operation or operation["kind"] not in ("write", "pointer"):
                continue
            address = int(operation["address"], 16) + slide
            if operation["kind"] == "pointer":
                before, after = (self._pointer(operation.get(key), slide) for key in ("before", "after"))
            else:
                before, after = operation["before"], operation["after"]
            when = "before" if operation["fresh"] else "stopped"
            self.forward.append((when, address, after))
            if when == "stopped":
                self.backward.append((when, address, before))

    @staticmethod
    def _pointer(target, slide):
        return struct.pack("<Q", int(target, 16) + slide if target else 0).hex()

    def lines(self, is_forward):
        writes = self.forward if is_forward else self.backward
        return "".join(f"{when} {address:x} {data}\n" for when, address, data in writes)

    def gdb_words(self, is_forward):
        words = []
        for _, address, data in self.forward if is_forward else self.backward:
            data = bytes.fromhex(data)
            for start in range(0, len(data), 8):
                piece = data[start:start + 8]
                values = ",".join(str(byte) for byte in piece)
                words += ["-ex", f"set {{unsigned char[{len(piece)}]}}{address + start:#x} = {{{values}}}"]
        return words


class Bench:
    def __init__(self, tool, folder):
        self.tool = tool
        self.folder = folder
        self.journal = folder / "victim.hcsj"
        self.output = folder / "output"
        self._build()

    def _build(self):
        for path in self.folder.glob("*"):
            path.unlink()
        compile_words = ["gcc", "-O2", "-g", "-fno-ipa-ra", "-ffunction-sections", "-c"]
        run([*compile_words, SOURCES / "victim.c", "-o", self.folder / "victim.o"])
        self._compile(0)
        objects = [self.folder / "victim.o", self.folder / "answer.o"]
        run(["gcc", "-pthread", "-o", self.folder / "victim", *objects])
        run(["gcc", "-O2", "-o", self.folder / "writer", SOURCES / "writer.c"])
        self.hcs("init", self.folder / "victim", "--objects", *objects)
        self._compile(1)
        self.hcs("record", self.folder / "answer.o")

    def _compile(self, version):
        run([
            "gcc", "-O2", "-g", "-fno-ipa-ra", "-ffunction-sections", "-c", f"-DVERSION={version}",
            SOURCES / "answer.c", "-o", self.folder / "answer.o",
        ])

    def hcs(self, *words):
        return run([self.tool, "-j", self.journal, *words])

    def timed(self, *words):
        return Timed([self.tool, "-j", self.journal, *words], self.output)

    def victim(self, threads, mode):
        return Victim(f"{self.folder / 'victim'}.hot", self.folder, threads, mode)

    def update(self):
        return json.loads(self.hcs("show", "1", "--json"))

    # Contenders: each takes the victim forward or back, and returns its own measurement where it has one.

    def move_ours(self, victim, _, is_forward):
        words = ["replay", "--to", "1"] if is_forward else ["rollback", "--to", "0"]
        return self.timed(*words, "--pid", victim.pid, "--json").json()["targets"][0]["pauseNanoseconds"]

    def move_writer(self, how):
        def move(victim, writes, is_forward):
            words = [self.folder / "writer", str(victim.pid), how]
            return int(run(words, input=writes.lines(is_forward)))

        return move

    def move_gdb(self, victim, writes, is_forward):
        words = ["gdb", "-batch", "-nx", "-iex", "set debuginfod enabled off", "-p", str(victim.pid)]
        Timed(words + writes.gdb_words(is_forward), self.output)

    @staticmethod
    def move_nothing(*_):
        time.sleep(0.03)

    def measure(self, threads, mode, rounds):
        contenders = [
            ("hcs-journal", self.move_ours), ("C program", self.move_writer("fair")),
            ("C program, first", self.move_writer("first")), ("gdb -batch", self.move_gdb),
            ("nobody", self.move_nothing),
        ]
        seen = {name: ([], []) for name, _ in contenders}
        victim = self.victim(threads, mode)
        try:
            writes = Writes(self.update(), victim.slide())
            base = victim.value
            for turn in range(rounds + 1):
                for name, move in contenders:
                    for is_forward in (True, False):
                        victim.next_period()
                        own = move(victim, writes, is_forward)
                        victim.next_period()
                        if name != "nobody" and (victim.value != base) != is_forward:
                            raise Failed(f"{name} has not moved the victim")
                        if turn == 0:
                            continue
                        seen[name][0].append(victim.pause(isolated=mode == "spin"))
                        if own is not None:
                            seen[name][1].append(own)
        finally:
            victim.end()
        return seen

    def latency(self, rounds):
        """From a compiler's end to the first thread that runs the new code."""
        seen, whole = [], []
        victim = self.victim(1, "spin")
        try:
            self.hcs("replay", "--pid", str(victim.pid))
            for version in range(2, rounds + 2):
                self._compile(version)
                victim.next_period()
                done = self.timed("record", self.folder / "answer.o", "--pid", victim.pid)
                victim.next_period()
                if victim.value_since < done.start:
                    raise Failed(f"the victim does not run version {version}: {done.text()}")
                seen.append(victim.value_since - done.start)
                whole.append(done.nanoseconds)
        finally:
            victim.end()
        return seen, whole


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench pause")
    parser.add_argument("--tool", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 8, 64])
    options = parser.parse_args()
    folder = Path(options.folder) / "pause"
    folder.mkdir(exist_ok=True)
    bench = Bench(options.tool, folder)
    print(f"{machine()}; {2 * options.rounds} updates each, forward and back, alternating\n")
    rows, ratios = [], []
    for mode in ("sleep", "spin"):
        for threads in options.threads:
            tell(f"{threads} threads, {mode}")
            seen = bench.measure(threads, mode, options.rounds)
            title = f"{threads}, {'asleep' if mode == 'sleep' else 'spinning'}"
            for name, (outside, own) in seen.items():
                rows.append([title, name, *(spread(own) if own else ["", "", ""]), *spread(outside)])
            ours, fair, first = (median(seen[name][1]) for name in ("hcs-journal", "C program", "C program, first"))
            view = {name: median(outside) for name, (outside, _) in seen.items()}
            ratios.append([
                title, ratio(ours, fair), ratio(ours, first), ratio(view["hcs-journal"], view["C program"]),
                ratio(view["hcs-journal"], view["C program, first"]), ratio(view["gdb -batch"], view["hcs-journal"]),
            ])
    table(["threads", "contender", "own clock", "least", "most", "seen by the threads", "least", "most"], rows)
    print("hcs-journal's pause as a multiple of the C program's (aim: at most 1.5), and gdb's as one of hcs-journal's\n")
    table(
        ["threads", "own clocks", "own clocks, C first", "as seen", "as seen, C first", "gdb as seen"], ratios)
    seen, whole = bench.latency(options.rounds)
    print("`record OBJECT --pid`, from its start\n")
    table(["until", "median", "least", "most"], [
        ["a thread has run the new code", *spread(seen)], ["the command has ended", *spread(whole)],
    ])


main()
