"""What the fault sweep lets fail: a command, where its target stands before it, and what must hold after every fault."""

import json
import pathlib
import shutil
import subprocess

from busy import EDITS, PATIENCE, TITLES, Busy, Trouble


class Scenario:
    """A command, where its target stands before it, and where afterwards."""

    def __init__(self, sweep, name, words, origin, destination):
        self.sweep, self.name = sweep, name
        self.words, self.origin, self.destination = words, origin, destination

    def verify(self, *target):
        """Where the target stands: a number, or "torn". The journal is sound."""
        result = self.sweep.run("verify", "--json", *target, expect=(0, 1, 2))
        try:
            told = json.loads(result.stdout)
        except ValueError:
            raise Trouble(f"verify: {result.stdout}{result.stderr}") from None
        if not told["journal"]["sound"]:
            raise Trouble(f"the journal is not sound: {told['journal']['findings']}")
        if not target:
            return None
        state = told["targets"][0]
        if state.get("state") == "torn":
            if result.returncode != 2:
                raise Trouble(f"torn, and the status is {result.returncode}")
            return "torn"
        if "error" in state or state["mismatches"] or result.returncode != 0:
            raise Trouble(f"not as recorded: {str(state)[:600]}")
        return state["position"]["number"]

    def settle(self, *target):
        """What the next command makes of a torn target. Each of them in turn."""
        self.turn = getattr(self, "turn", 0) + 1
        words = [("verify", "--repair"), ("replay", "--to", "3"), ("rollback", "--to", "0")][self.turn % 3]
        self.sweep.run(*words, *target)

    def check_status(self, result, state):
        status = result.returncode
        told = f"status {status}, {state}: {result.stderr[:300]}{result.stdout[:300]}"
        if status == 0 and state != self.destination:
            raise Trouble(f"done, and it does not stand there: {told}")
        if status == 1 and state not in (self.origin, self.destination if self.may_have_arrived(result) else self.origin):
            raise Trouble(f"untouched or rolled back, and it does not stand where it stood: {told}")
        # Where threads could not be let go, all has been written: they go on when the tool ends.
        allowed = ["torn", self.destination]
        # A write has failed, and so does every look at what it has left.
        if self.is_cut_off:
            allowed.append(self.origin)
        if status == 2 and state not in allowed:
            raise Trouble(f"said to be torn: {told}")
        if status not in (0, 1, 2, 137) and status < 129:
            raise Trouble(f"an unknown status: {told}")
        if state not in (self.origin, self.destination, "torn"):
            raise Trouble(f"neither one update nor the other: {told}")

    def may_have_arrived(self, result):
        """Whether what failed came after the target had arrived: its report could not be written, or noted."""
        return '"error"' not in result.stdout and "left" not in result.stderr


class OfProcess(Scenario):
    image = "./busy.hot"
    #: Calls are counted from the one that opens this: what comes before is the same for all, and swept with `record`.
    since = "/mem"
    busy = None

    def __init__(self, sweep, name, words, origin, destination, threads=30, is_fresh=False, may_be_held=True, since="/mem"):
        super().__init__(sweep, name, words, origin, destination)
        self.threads, self.is_fresh, self.may_be_held, self.since = threads, is_fresh, may_be_held, since
        self.command = words

    def begin(self):
        if self.is_fresh:
            self.end()
        if not self.busy:
            # It waits for us most of the time: a processor for itself would be taken from the tool.
            self.busy = Busy("./busy" if self.is_fresh else self.image, self.threads, rest=4)
            self.state = 0
        self.target = ["--pid", str(self.busy.pid)]
        self.words = [*self.command, *self.target]
        self.move()

    def move(self):
        if self.state != self.origin:
            self.sweep.run("replay" if self.origin > self.state else "rollback", "--to", str(self.origin), *self.target)
        self.state = self.origin

    def check(self, result):
        is_held = self.busy.wait_until_let_go()
        told = self.busy.told_parent()
        if not self.may_be_told(told, is_held):
            raise Trouble(f"it is {'held' if is_held else 'not held'}, and its parent is told {told}")
        report = None if is_held else self.check_busy(self.is_cut_off)
        self.state = self.verify(*self.target)
        self.check_status(result, self.state)
        if is_held:
            self.check_held()
        if self.state == "torn":
            self.settle(*self.target)
            self.state = self.verify(*self.target)
            if self.state == "torn":
                raise Trouble("it stays torn")
            told = self.busy.told_parent()
            if told != (["continued"] if is_held else []):
                raise Trouble(f"settled, and its parent is told {told}")
            report = self.check_busy(is_held and self.is_cut_off)
        if report["edit"] != str(self.state) or report["title"] != TITLES[self.state]:
            raise Trouble(f"it stands at update {self.state} and does what {report} does")

    def may_be_told(self, told, is_held):
        """Whether a parent is told this where the process was not held before."""
        return told == (["stopped"] if is_held else [])

    def check_busy(self, may_interrupt=False):
        before = self.busy.interruptions
        self.busy.check(may_interrupt=may_interrupt)
        self.sweep.interruptions += self.busy.interruptions - before
        return self.busy.ask()

    def check_held(self):
        self.sweep.held += 1
        if self.state != "torn":
            raise Trouble(f"it is held at {self.state}, and says nothing of being torn")
        if not self.may_be_held:
            raise Trouble("it is held where each function by itself is old or new")
        told = json.loads(self.sweep.run("targets", "--json").stdout)["targets"]
        if not any(target["pid"] == self.busy.pid and target.get("held") for target in told):
            raise Trouble(f"it is held, and targets does not say so: {told}")
        if not self.busy.wait_until_let_go():
            raise Trouble("it was held, and looking at it has let it go on")

    def end(self):
        if self.busy:
            self.busy.end()
        self.busy = None

    def begin_anew(self):
        self.end()
        shutil.copy("whole.hcsj", "busy.hcsj")
        for path in ("busy.hcsj-wal", "busy.hcsj-shm"):
            pathlib.Path(path).unlink(missing_ok=True)


#: Without a fault, until one comes to a write that tears its target.
RUNS = 3


class OfTornProcess(OfProcess):
    """The way out of being torn, with faults of its own: `verify --repair` on what a killed applier has left."""

    def __init__(self, sweep, name):
        super().__init__(sweep, name, ["verify", "--repair"], 0, EDITS)
        self.killed_at = None

    def tear(self, call):
        self.told, _, _, _ = self.sweep.faulty("kill", call, 9, self.tearing, self.since)
        self.state = self.verify(*self.target)
        return self.state == "torn"

    def may_be_told(self, told, is_held):
        # Where it was held and is so again, it has been let go on in between, and has not got on.
        if self.was_held:
            return is_held or told == ["continued"]
        return super().may_be_told(told, is_held)

    def begin(self):
        self.tear_somewhere()
        self.was_held = self.busy.wait_until_let_go()
        told = self.busy.told_parent()
        if self.was_held and told[-1:] != ["stopped"]:
            raise Trouble(f"torn and held, and its parent is told {told}")

    def tear_somewhere(self):
        super().begin()
        self.tearing = ["replay", "--to", str(EDITS), *self.target]
        for call in self.calls_that_may_tear():
            self.move()
            if self.tear(call):
                self.killed_at = call
                return
        raise Trouble(f"no write was found before which a kill tears it: {self.told}")

    def calls_that_may_tear(self):
        """The call that did last; then of each of some runs all writes, from the last on. How often threads had to be stopped before the
        first of them is of no account, which differs from run to run."""
        yield from [self.killed_at] * 3 if self.killed_at else []
        for _ in range(RUNS):
            self.move()
            self.told, _, _, places = self.sweep.faulty("list", 0, 0, self.tearing, self.since)
            self.state = self.verify(*self.target)
            writes = [place for place in places if place.name == "pwrite64"]
            yield from (f"{place.key}:{number}" for place in reversed(writes) for number in range(place.calls, 0, -1))

    def check_status(self, result, state):
        if result.returncode == 0 and state != self.destination:
            raise Trouble(f"repaired, and stands at {state}: {result.stdout}")


class OfFile(Scenario):
    since = "target.hot"

    def __init__(self, sweep, name, words, origin, destination):
        super().__init__(sweep, name, [*words, "--image", "target.hot"], origin, destination)
        self.source = pathlib.Path(f"at-{origin}.hot")

    def begin(self):
        if not self.source.exists():
            shutil.copy("base.hot", self.source)
            if self.origin:
                self.sweep.run("replay", "--to", str(self.origin), "--image", str(self.source))
        shutil.copy(self.source, "target.hot")
        self.begin_anew()

    def check(self, result):
        state = self.verify("--image", "target.hot")
        self.check_status(result, state)
        if state == "torn":
            raise Trouble("a file is never torn")
        answer = subprocess.run(
            ["./target.hot", "2"], input="report\n", capture_output=True, text=True, timeout=PATIENCE)
        if f"edit {state} " not in answer.stdout:
            raise Trouble(f"at update {state}, it does: {answer}")
        # Whatever has been left beside it is no hindrance to the next.
        self.sweep.run("replay", "--image", "target.hot")

    def begin_anew(self):
        for path in pathlib.Path(".").glob("*target.hot*"):
            if path.name != "target.hot":
                path.unlink()

    def end(self):
        pass


class OfRecord(OfProcess):
    """`record` with a process: the journal gets the update or does not, and the process is where the journal can tell."""

    since = ".hcsj"

    def begin(self):
        # The journal that is put back does not know the last update if it was recorded at another time.
        if self.busy:
            self.move()
        for path in ("busy.hcsj-wal", "busy.hcsj-shm"):
            pathlib.Path(path).unlink(missing_ok=True)
        shutil.copy("before-last.hcsj", "busy.hcsj")
        super().begin()

    def check(self, result):
        super().check(result)
        head = json.loads(self.sweep.run("log", "--json").stdout)
        count = len(head["updates"]) if isinstance(head, dict) else len(head)
        if result.returncode == 0 and count != EDITS:
            raise Trouble(f"recorded, and the journal has {count} updates")
        if count not in (EDITS - 1, EDITS):
            raise Trouble(f"the journal has {count} updates")
