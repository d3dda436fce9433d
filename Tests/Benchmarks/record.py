"""`record` of one changed function, against a relink of the same program, and against the same in a small program."""

import argparse
from pathlib import Path

from program import Program
from support import Timed, duration, machine, median, ratio, run, spread, table, tell


class Contender:
    def __init__(self, name, words, check=None):
        self.name = name
        self.words = words
        self.check = check
        self.wall = []
        self.processor = []

    def measure(self, output, counts):
        done = Timed(self.words(), output)
        if self.check:
            self.check(done)
        if counts:
            self.wall.append(done.nanoseconds)
            self.processor.append(done.processor)


def adopted(tool, program, journal):
    for path in (program.image, f"{program.image}.hot", journal):
        Path(path).unlink(missing_ok=True)
    for suffix in ("-wal", "-shm"):
        Path(f"{journal}{suffix}").unlink(missing_ok=True)
    program.link()
    run([tool, "-j", journal, "init", program.image, "--objects", program.objects])


def recorded(done):
    answer = done.json()
    if not answer["update"] or len(answer["atoms"]) != 1:
        raise SystemExit(f"record was to give an update of one function: {done.text()[:400]}")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench record")
    parser.add_argument("--tool", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--units", type=int, default=1000, help="objects of 100 functions in the large program")
    parser.add_argument("--debug", action="store_true", help="compile with -g")
    options = parser.parse_args()

    folder = Path(options.folder)
    flags = ["-g"] if options.debug else []
    kind = "-g" if options.debug else ""
    large = Program(folder / f"program-{options.units}{kind}", options.units, flags)
    small = Program(folder / f"program-10{kind}", 10, flags)

    # Every round changes a function that no round before has changed: its first move, the most there is to do.
    def unit(program, turn):
        return (turn * 7 + 3) % program.units

    def version(program, turn):
        return 1 + turn // program.units

    turns = range(options.rounds + 1)
    for program in (large, small):
        program.build(sorted({(unit(program, turn), version(program, turn)) for turn in turns}))
    tell("linking and adopting")
    journals = {program: program.folder / "program.hcsj" for program in (large, small)}
    for program in (large, small):
        adopted(options.tool, program, journals[program])

    turn = 0

    def record(program):
        return lambda: [
            options.tool, "-j", journals[program], "record", "--json", program.object(unit(program, turn)),
        ]

    relinked = large.folder / "relinked"
    contenders = [
        Contender(f"record, {large.functions} functions", record(large), recorded),
        Contender("ld.lld", lambda: large.link_words("ld.lld", relinked)),
        Contender("mold", lambda: large.link_words("mold", relinked)),
        Contender(f"record, {small.functions} functions", record(small), recorded),
        Contender("start of the tool alone", lambda: [options.tool, "--version"]),
    ]
    for turn in turns:
        for program in (large, small):
            program.edit(unit(program, turn), version(program, turn))
        for contender in contenders:
            contender.measure(folder / "output", counts=turn > 0)

    print(f"{machine()}; {options.rounds} rounds, alternating{'; objects with -g' if options.debug else ''}\n")
    table(
        ["contender", "median", "least", "most", "processor time"],
        [[each.name, *spread(each.wall), duration(median(each.processor))] for each in contenders])
    ours, lld, mold, little, _ = [median(each.wall) for each in contenders]
    table(
        ["ratio", "measured", "aim"],
        [
            ["fastest relink / record", ratio(min(lld, mold), ours), "at least 20"],
            ["ld.lld / record", ratio(lld, ours), ""],
            ["mold / record", ratio(mold, ours), ""],
            ["record, large program / small program", ratio(ours, little), "at most 1.5"],
        ])


main()
