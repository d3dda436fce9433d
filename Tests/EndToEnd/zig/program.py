"""A small program for the self-hosted Zig compilers, the edits of a session, and what each must compute.

It reads one byte at a time, runs `step`, and writes the 8 bytes of the result. `loop` is never edited: it is on the
stack for ever. On macOS, where nothing of it runs in these tests, `command` and `result` are set and read from
outside.
"""

import copy
import dataclasses

LINUX_0_10 = """
fn call(number: u64, fd: u64, place: u64, count: u64) u64 {
    return asm volatile ("syscall"
        : [ret] "={rax}" (-> u64)
        : [number] "{rax}" (number),
          [arg1] "{rdi}" (fd),
          [arg2] "{rsi}" (place),
          [arg3] "{rdx}" (count)
        : "rcx", "r11", "memory");
}
fn loop() void {
    while (true) {
        if (call(0, 0, @ptrToInt(&command), 1) != 1) break;
        step();
        _ = call(1, 1, @ptrToInt(&result), 8);
    }
    _ = call(60, 0, 0, 0);
}
pub export fn _start() noreturn {
    loop();
    while (true) {}
}
"""

LINUX_0_14 = """
fn call(number: u64, fd: u64, place: u64, count: u64) u64 {
    return asm volatile ("syscall"
        : [ret] "={rax}" (-> u64),
        : [number] "{rax}" (number),
          [arg1] "{rdi}" (fd),
          [arg2] "{rsi}" (place),
          [arg3] "{rdx}" (count),
        : CLOBBERS);
}
fn loop() callconv(.c) noreturn {
    while (true) {
        if (call(0, 0, @intFromPtr(&command), 1) != 1) break;
        step();
        _ = call(1, 1, @intFromPtr(&result), 8);
    }
    _ = call(60, 0, 0, 0);
    while (true) {}
}
pub const panic = @import("std").debug.no_panic;
pub export fn _start() callconv(.naked) noreturn {
    asm volatile (
        \\\\ xorl %%ebp, %%ebp
        \\\\ andq $-16, %%rsp
        \\\\ callq %[loop:P]
        :
        : [loop] "X" (&loop),
    );
}
"""

# Nothing to call the system with: whoever holds the image calls `step`.
WITHOUT_SYSTEM = """
pub fn main() void {
    while (command != 0) step();
}
"""


def prelude(version, target):
    if version.startswith(("0.9.", "0.10.")):
        return LINUX_0_10 if target == "x86_64-linux" else WITHOUT_SYSTEM
    clobbers = '"rcx", "r11", "memory"' if version.startswith("0.14.") else ".{ .rcx = true, .r11 = true, .memory = true }"
    return LINUX_0_14.replace("CLOBBERS", clobbers)


@dataclasses.dataclass
class Function:
    """Zig's text and Python's, which tells what it computes."""

    text: str
    meaning: object


def program():
    """What the session begins with: functions by name, globals by name with their first values."""
    return {
        "globals": {"command": 0, "result": 0, "total": 0, "seed": 5},
        "functions": {
            # Never edited, and first behind `step`: 0.14 lets a function that grows in place overwrite the jump of a
            # neighbour that has moved.
            "first": Function("fn first(a: u64) u64 {\n    return a + 3;\n}", lambda p, a: a + 3),
            "addToBar": Function("fn addToBar(a: u64) u64 {\n    return bar() + a;\n}", lambda p, a: p.bar() + a),
            "bar": Function("fn bar() u64 {\n    return 7;\n}", lambda p: 7),
            "baz": Function("fn baz(a: u64) u64 {\n    total += 1;\n    return a + total;\n}", count_in_total),
            "last": Function("fn last() u64 {\n    return tail() + 1;\n}", lambda p: p.tail() + 1),
            # Never edited: with it the code begins its second page, and has room before the next segment.
            "ballast": Function(ballast_text(), lambda p, a: a + 91 + 13 * p.globals["total"]),
            # Never edited: 0.10 lets the last function of an ELF image grow over what follows in the file.
            "tail": Function("fn tail() u64 {\n    return seed;\n}", lambda p: p.globals["seed"]),
        },
        "commands": {"f": "first(60)", "a": "addToBar(30)", "b": "baz(200)", "l": "last()", "q": "ballast(1)", "s": "seed", "t": "total"},
    }


def ballast_text():
    body = "\n".join(f"    x += {n} + total;" for n in range(1, 14))
    return f"fn ballast(a: u64) u64 {{\n    var x: u64 = a;\n{body}\n    return x;\n}}"


def count_in_total(p, a):
    p.globals["total"] += 1
    return a + p.globals["total"]


def kept(state):
    """The state as it is now, whatever later edits do."""
    return copy.deepcopy({**state, "functions": dict(state["functions"])})


def text_of(state, version, target, note):
    lines = [f"// {note}"]
    for name, value in state["globals"].items():
        zeroes = "[_]u64{0} ** " + str(len(value)) if isinstance(value, list) else ""
        if zeroes and not version.startswith(("0.9.", "0.10.")):
            zeroes = "@splat(0)"
        lines.append(f"var {name}: [{len(value)}]u64 = {zeroes};" if zeroes else f"var {name}: u64 = {value};")
    lines += [function.text for function in state["functions"].values()]
    lines += ["fn step() void {"]
    lines += [f"    if (command == {ord(key)}) result = {value};" for key, value in state["commands"].items()]
    return "\n".join(lines + ["}"]) + "\n" + prelude(version, target)


class Meaning:
    """What a process must answer: the functions are the newest, the variables its own."""

    def __init__(self):
        self.globals, self.state = {}, None

    def become(self, state):
        self.state = state
        for name, value in state["globals"].items():
            self.globals.setdefault(name, copy.copy(value))

    def __getattr__(self, name):
        function = self.state["functions"][name]
        return lambda *arguments: function.meaning(self, *arguments)

    def answer(self, key):
        names = {name: getattr(self, name) for name in self.state["functions"]}
        return eval(self.state["commands"][key], {**names, **self.globals})


# The edits: each changes the program and says what it is for.

def bar_rewritten(p):
    p["functions"]["bar"] = Function("fn bar() u64 {\n    return 9;\n}", lambda p: 9)


def bar_grows(p):
    body = "\n".join(f"    x += {n} + total;" for n in range(1, 4))
    p["functions"]["bar"] = Function(
        f"fn bar() u64 {{\n    var x: u64 = 1;\n{body}\n    return x;\n}}", lambda p: 7 + 3 * p.globals["total"])


def bar_shrinks(p):
    p["functions"]["bar"] = Function("fn bar() u64 {\n    return 11 + total;\n}", lambda p: 11 + p.globals["total"])


def caller_grows(p):
    body = "\n".join(f"    x += {n};" for n in range(1, 9))
    p["functions"]["addToBar"] = Function(
        f"fn addToBar(a: u64) u64 {{\n    var x: u64 = a;\n{body}\n    return bar() + x;\n}}",
        lambda p, a: p.bar() + a + 36)


def function_added(p):
    p["functions"]["twice"] = Function("fn twice(a: u64) u64 {\n    return a + a;\n}", lambda p, a: a + a)
    p["commands"]["w"] = "twice(21)"


def global_added(p):
    p["globals"]["extra"] = 0
    p["functions"]["baz"] = Function(
        "fn baz(a: u64) u64 {\n    total += 1;\n    extra += 10;\n    return a + total + extra;\n}", count_in_extra)
    p["commands"]["x"] = "extra"


def count_in_extra(p, a):
    p.globals["extra"] += 10
    return count_in_total(p, a) + p.globals["extra"]


def function_renamed(p):
    p["functions"]["renamed"] = Function(p["functions"].pop("twice").text.replace("twice", "renamed"),
                                         lambda p, a: a + a)
    p["commands"]["w"] = "renamed(21)"


def function_removed(p):
    del p["functions"]["renamed"]
    del p["commands"]["w"]


def nothing(p):
    pass


def data_grows(p):
    """By pages, behind everything else: nothing has to make room."""
    p["globals"]["room"] = [0] * 2048
    p["functions"]["keep"] = Function(
        "fn keep(a: u64) u64 {\n    room[2000] += a;\n    return room[2000];\n}", keep_in_room)
    p["commands"]["k"] = "keep(17)"


def data_grow_alone(p):
    """By pages, and by nothing but the room: with an index, 0.14 and 0.15 add a constant before the variables, which moves them."""
    data_grows(p)
    p["functions"]["keep"].text = (
        "fn keep(a: u64) u64 {\n    const place: *u64 = @ptrFromInt(@intFromPtr(&room) + 16000);\n"
        "    place.* += a;\n    return place.*;\n}")


def keep_in_room(p, a):
    p.globals["room"][2000] += a
    return p.globals["room"][2000]


def code_grows(p):
    for number in range(8):
        body = "\n".join(f"    x += {n} + total;" for n in range(1, 61))
        p["functions"][f"big{number}"] = Function(
            f"fn big{number}(a: u64) u64 {{\n    var x: u64 = a;\n{body}\n    return x;\n}}",
            lambda p, a: a + 1830 + 60 * p.globals["total"])
        p["commands"][chr(ord("0") + number)] = f"big{number}({number})"


def first_value(p):
    p["globals"]["seed"] = 500


def last_moved(p):
    body = "\n".join(f"    x += {n} + seed;" for n in range(1, 4))
    p["functions"]["last"] = Function(
        f"fn last() u64 {{\n    var x: u64 = 1 + tail();\n{body}\n    return x;\n}}",
        lambda p: 7 + 4 * p.globals["seed"])


def begun_anew(p):
    """All as at the beginning, but for the globals and what uses them: the room of one that is gone is given away."""
    functions, commands = program()["functions"], program()["commands"]
    p["functions"] = {**functions, "baz": p["functions"]["baz"]}
    p["commands"] = {**commands, "x": "extra"}


ERROR = "a compile error"
EDITS = [
    ("bar is rewritten in place", bar_rewritten), ("bar grows", bar_grows), ("bar shrinks", bar_shrinks),
    ("its caller grows", caller_grows), ("a function is added", function_added), ("a global is added", global_added),
    ("nothing changes", nothing), ("a function is renamed", function_renamed), (ERROR, None),
    ("a function is removed", function_removed), ("a first value changes", first_value),
    ("another function grows", last_moved), ("bar is rewritten once more", bar_rewritten),
    ("all is as at the beginning", begun_anew), ("bar grows again", bar_grows),
]
SHORT = 6
CODE, DATA = ("the code grows by pages", code_grows), ("the data grow by pages", data_grows)
DATA_ALONE = (DATA[0], data_grow_alone)
AFTER = ("bar shrinks again", bar_shrinks)


def edits(version, target):
    """All of a session. Where one segment has no room before the next, 0.14 and 0.15 move the data when the code grows, and
    0.17 the code when the data grow: last, for a process whose frames and pointers are there cannot follow."""
    if version.startswith(("0.9.", "0.10.")):
        # The generator for aarch64 knows no arrays.
        return [*EDITS, CODE, AFTER] if target.startswith("aarch64") else [*EDITS, CODE, DATA, AFTER]
    if version.startswith(("0.14.", "0.15.")):
        return [*EDITS, DATA_ALONE, AFTER, CODE]
    return [*EDITS, CODE, AFTER, DATA]


def moves_all(version, why):
    if version.startswith(("0.14.", "0.15.")):
        return why == CODE[0]
    return not version.startswith(("0.9.", "0.10.")) and why == DATA[0]


def broken(state, version, target):
    """A compiler that has parsed all of it finds no name at the end."""
    return text_of(state, version, target, ERROR) + "comptime { _ = nosuch; }\n"
