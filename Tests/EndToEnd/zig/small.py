"""The little that Zig 0.9.1's own code generator compiles: functions without arguments, and system calls.

It waits for its input or the end of it, calls `step`, and `bar` ends it with a status: on Linux, a process can be given an update
while it waits.
"""

READ = 0

CALL = """    asm volatile ("syscall"
        :
        : [number] "{{rax}}" ({number}){arguments}
        : "rcx", "r11", "memory"
    );
"""


def call(number, *arguments):
    registers = ("rdi", "rsi", "rdx")
    text = "".join(f',\n          [arg{index}] "{{{register}}}" ({value})'
                   for index, (register, value) in enumerate(zip(registers, arguments)))
    return CALL.format(number=number, arguments=text)


def program():
    return {"status": 7, "calls": 0, "twice": False, "functions": {}, "commands": {}}


def text_of(state, version, target, note):
    exit_group, getpid = 231, 39
    bar = call(getpid) * state["calls"] + call(exit_group, state["status"])
    step = ("    twice();\n" if state["twice"] else "") + "    bar();\n"
    functions = {"bar": bar, "step": step, "wait": call(READ, 0, 0, 1)}
    if state["twice"]:
        functions["twice"] = call(getpid) * 2
    text = f"// {note}\n" + "".join(f"fn {name}() void {{\n{body}}}\n" for name, body in functions.items())
    begin = "pub export fn _start() noreturn" if target.endswith("linux") else "pub fn main() void"
    return text + begin + " {\n    wait();\n    step();\n" + ("    unreachable;\n" if target.endswith("linux") else "") + "}\n"


def status(state, value):
    state["status"] = value


def grow(state):
    state["calls"], state["status"] = 6, 9


def add(state):
    state["twice"], state["status"] = True, 13


def remove(state):
    state["twice"], state["status"] = False, 14


EDITS = [
    ("bar is rewritten in place", lambda state: status(state, 8)), ("bar grows", grow),
    ("nothing changes", lambda state: None), ("a function is added", add), ("a function is removed", remove),
]
