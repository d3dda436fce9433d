"""What length costs: questions, moves and records in journals of 1,000 and 100,000 updates, in time and in memory."""

import argparse
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from program import Program
from support import Timed, duration, machine, ratio, run, table, tell

ATOMS = 300
# With an argument it ends at once, without any it waits to be moved.
MAIN = ("#include <unistd.h>\nlong f000000(long);\n"
        "int main(int n, char **v) { if (n > 99) return (int)f000000(n); return n > 1 ? 0 : pause(); }\n")


class History:
    """A journal of so many updates of the first 300 functions of a program of 1,000; the last unit's are left alone."""

    def __init__(self, helper, tool, program, folder, count):
        self.tool, self.program, self.count = tool, program, count
        self.folder = folder / f"history-{count}"
        self.image = self.folder / "program"
        self.journal = self.folder / "program.hcsj"
        self.hot = self.folder / "program.hot"
        self.files = {}
        done = self.folder / "made"
        if not done.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            shutil.copy(program.image, self.image)
            tell(f"making a journal of {count} updates (kept for the next run)")
            run([helper, "make", self.image, count, ATOMS])
            done.touch()

    def words(self, command, *more):
        return [self.tool, command, "-j", self.journal, *more]

    def at(self, number):
        """The image's file at an update, made by the tool."""
        if number not in self.files:
            path = self.folder / f"program.at-{number}"
            if not path.exists():
                part = self.folder / "part"
                shutil.copy(self.hot, part)
                if number:
                    run(self.words("replay", "--to", number, "--image", part))
                part.rename(path)
            self.files[number] = path
        return self.files[number]

    def address(self, number):
        """Inside the first function that an update placed."""
        for atom in json.loads(run(self.words("show", "--json", number)))["atoms"]:
            if atom["kind"] == "function":
                return int(atom["after"]["address"], 16) + 20
        raise SystemExit("an update without a function")


class Cost:
    """The least processor time of some runs, and the most memory (`ru_maxrss` as wait4(2) tells it)."""

    def __init__(self):
        self.processor, self.memory = None, 0

    def add(self, done):
        self.processor = min(self.processor or done.processor, done.processor)
        self.memory = max(self.memory, done.memory)


def started(path):
    process = subprocess.Popen([path])
    # Until it waits in pause(2).
    while Path(f"/proc/{process.pid}/syscall").read_text().split()[0] != "34":
        time.sleep(0.005)
    return process


def questions(history):
    head = history.count
    middle = max(1, head // 2)
    # Edited by ten of the first thousand updates, and by none after: the answer is as long in every journal.
    name = f"f{ATOMS - 1:06}"
    return {
        "version": [history.tool, "--version"],
        "at ADDRESS": history.words("at", hex(history.address(head))),
        "at, half-way": history.words("at", hex(history.address(1)), "--update", str(middle)),
        "symbol": history.words("symbol", name, "--json"),
        "log -n 20": history.words("log", "-n", "20"),
        "show": history.words("show", str(middle)),
        "diff of neighbours": history.words("diff", str(middle), str(middle + 1)),
    }


def recorded(history, costs, rounds, output):
    """Functions of the unit that the history has left alone, one for each round."""
    unit = history.program.units - 1
    copy = history.folder / "record.hcsj"
    shutil.copy(history.journal, copy)
    for turn in range(rounds):
        history.program.edit(unit, turn + 1)
        words = [history.tool, "record", "-j", copy, history.program.object(unit)]
        costs.setdefault("record", Cost()).add(Timed(words, output))
    copy.unlink()


def moved(history, costs, rounds, output):
    """A process ten updates behind the newest, forward and back."""
    head, behind = history.count, history.count - 10
    process = started(history.at(0))
    try:
        run(history.words("replay", "--to", str(behind), "--pid", str(process.pid)))
        for _ in range(rounds):
            for verb, to in (("replay", head), ("rollback", behind)):
                words = history.words(verb, "--to", str(to), "--pid", str(process.pid))
                costs.setdefault(f"{verb} of 10, process", Cost()).add(Timed(words, output))
    finally:
        process.kill()
        process.wait()
    # A file of its own: the move rewrites it.
    file = history.folder / "moved"
    for _ in range(max(1, rounds // 3)):
        shutil.copy(history.at(behind), file)
        costs.setdefault("replay of 10, file", Cost()).add(
            Timed(history.words("replay", "--to", str(head), "--image", file), output))
    file.unlink()


def differing(base, head):
    """Where runs of bytes begin in which two files of one length differ, and how long they are; closer ones taken together.

    Read in pieces: what this process takes at most is counted for its children as well (exec keeps `ru_maxrss`)."""
    runs, size = [], 1 << 16
    with open(base, "rb") as one, open(head, "rb") as other:
        for start in range(0, head.stat().st_size, size):
            old, new = one.read(size), other.read(size)
            if old == new:
                continue
            for place in range(len(new)):
                if place < len(old) and old[place] == new[place]:
                    continue
                if runs and start + place <= sum(runs[-1]) + 16:
                    runs[-1] = (runs[-1][0], start + place + 1 - runs[-1][0])
                else:
                    runs.append((start + place, 1))
    return runs


def brought(history, costs, output):
    """A process from the base to the newest update, waiting and fresh, and a plain copy of the bytes in which the files differ."""
    for _ in range(2):
        costs.setdefault("run at the base", Cost()).add(Timed(history.words("run", "--to", "base", "--", "end"), output))
        costs.setdefault("base to head, run", Cost()).add(Timed(history.words("run", "--", "end"), output))
    costs.setdefault("verify", Cost()).add(Timed(history.words("verify"), output))
    bring = history.folder / "bring"
    shutil.copy(history.at(0), bring)
    process = started(bring)
    try:
        costs.setdefault("base to head, process", Cost()).add(
            Timed(history.words("replay", "--to", str(history.count), "--pid", str(process.pid)), output))
        costs.setdefault("head to base, process", Cost()).add(
            Timed(history.words("rollback", "--to", "base", "--pid", str(process.pid)), output))
    finally:
        process.kill()
        process.wait()
        bring.unlink()
    file = history.folder / "moved"
    shutil.copy(history.at(0), file)
    for verb, to, name in (("replay", str(history.count), "base to head, file"), ("rollback", "base", "head to base, file")):
        costs.setdefault(name, Cost()).add(Timed(history.words(verb, "--to", to, "--image", file), output))
    file.unlink()
    runs = differing(history.at(0), history.at(history.count))
    process = started(history.at(0))
    try:
        # Where the bytes go is all the same to the kernel: the arena's first mapping of the process that is long enough.
        longest = max((line.split() for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines()),
                      key=lambda words: int(words[0].split("-")[1], 16) - int(words[0].split("-")[0], 16))
        low, high = (int(word, 16) for word in longest[0].split("-"))
        memory = os.open(f"/proc/{process.pid}/mem", os.O_RDWR)
        place, spent = low, 0
        with open(history.at(history.count), "rb") as head:
            for offset, count in runs:
                head.seek(offset)
                content = head.read(count)
                if place + count > high:
                    place = low
                start = time.process_time_ns()
                os.pwrite(memory, content, place)
                spent += time.process_time_ns() - start
                place += count
        os.close(memory)
    finally:
        process.kill()
        process.wait()
    return spent, len(runs), sum(count for _, count in runs)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench history")
    parser.add_argument("--tool", required=True)
    parser.add_argument("--helper", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--lengths", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--long", action="store_true", help="a journal of 1,000,000 updates as well")
    parser.add_argument("--no-moves", action="store_true", help="questions and records alone")
    options = parser.parse_args()
    lengths = options.lengths + ([1_000_000] if options.long else [])

    folder = Path(options.folder) / "history"
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / "output"
    program = Program(folder / "program", 10, [], main=MAIN)
    program.build([(9, turn + 1) for turn in range(options.rounds)])
    program.link()
    histories = [History(options.helper, options.tool, program, folder, count) for count in lengths]
    costs = {history: {} for history in histories}
    inside = {history: {} for history in histories}
    for _ in range(options.rounds):
        for history in histories:
            for name, words in questions(history).items():
                costs[history].setdefault(name, Cost()).add(Timed(words, output))
    copies = {}
    for history in histories:
        inside[history] = json.loads(run([options.helper, "look", history.journal, options.rounds * 3]))
        recorded(history, costs[history], options.rounds, output)
        if not options.no_moves:
            moved(history, costs[history], options.rounds, output)
            copies[history] = brought(history, costs[history], output)
    report(histories, costs, inside, copies, options)


def report(histories, costs, inside, copies, options):
    first, last = histories[0], histories[-1]
    print(f"{machine()}; the least processor time of {options.rounds} rounds, and the most memory\n")
    heads = ["command"] + [f"{history.count} updates" for history in histories] + ["ratio"]
    table(
        heads + [f"memory at {history.count}" for history in histories],
        [[name] + [duration(costs[history][name].processor) for history in histories]
         + [ratio(costs[last][name].processor, costs[first][name].processor)]
         + [f"{costs[history][name].memory / 1024:.1f} MiB" for history in histories] for name in costs[first]])
    table(
        ["through the library"] + heads[1:],
        [[name] + [duration(inside[history][name]) for history in histories]
         + [ratio(inside[last][name], inside[first][name])] for name in inside[first]])
    rows = []
    for history, (spent, runs, count) in copies.items():
        whole, started = (costs[history][name].processor for name in ("base to head, run", "run at the base"))
        rows.append([str(history.count), duration(spent), f"{count} in {runs} runs", duration(whole), ratio(whole, spent),
                     duration(max(0, whole - started)), ratio(max(0, whole - started), spent)])
    if rows:
        table(["updates", "plain copy", "bytes", "base to head, run", "ratio", "more than at the base", "ratio"], rows)
    count = 400
    found = json.loads(run([options.helper, "throughput", first.image, count]))
    table(
        [f"{count} updates", "one by one", "ratio", "in one transaction", "ratio"],
        [[name, duration(found[name]), ratio(found["record"], found[name]), duration(found[f"{name} batched"]),
          ratio(found["record batched"], found[f"{name} batched"])] for name in ("record", "same rows", "one blob")])


main()
