"""Loads a Mach-O image into an emulator as dyld would, and calls its functions.

Usage: run-macho.py FOLDER-OF-LIEF FOLDER-OF-UNICORN IMAGE SLIDE SYMBOL[:ARGUMENT]…

The image is read by LIEF and executed by Unicorn: nothing of this project takes part. Segments are mapped at their
address plus the slide, with their protections; pointers are rebased and bound from opcodes or chained fixups. An
imported function returns 7, an imported variable is a word of 0. Prints what each call returns (the low 32 bits).
"""

import struct
import sys

sys.path[:0] = [sys.argv[1], sys.argv[2]]
import lief  # noqa: E402
import unicorn  # noqa: E402
from unicorn import arm64_const as arm, x86_const as x86  # noqa: E402

lief.logging.disable()
path, slide = sys.argv[3], int(sys.argv[4], 0)
image = lief.MachO.parse(path).at(0)
content = open(path, "rb").read()
is_arm = image.header.cpu_type == lief.MachO.Header.CPU_TYPE.ARM64
PAGE = 0x4000
STACK, STUBS, RETURN = 0x7000_0000_0000, 0x7100_0000_0000, 0x7200_0000_0000

if is_arm:
    engine = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
    # Instructions that an M1 has, and the plain model lacks (ldapr).
    engine.ctl_set_cpu_model(arm.UC_CPU_ARM64_MAX)
else:
    engine = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)


def protection(bits):
    return sum(flag for flag, bit in ((unicorn.UC_PROT_READ, 1), (unicorn.UC_PROT_WRITE, 2), (unicorn.UC_PROT_EXEC, 4)) if bits & bit)


def up(value):
    return (value + PAGE - 1) & ~(PAGE - 1)


# Memory, first writable everywhere, as dyld fixes pointers before it gives segments their protections.
memory = {}
for segment in image.segments:
    if segment.name == "__PAGEZERO" or segment.virtual_size == 0:
        continue
    data = bytearray(up(segment.virtual_size) if is_arm else (segment.virtual_size + 0xFFF) & ~0xFFF)
    data[: segment.file_size] = content[segment.file_offset : segment.file_offset + segment.file_size]
    memory[segment.virtual_address] = (data, int(segment.init_protection))


def word(address):
    for start, (data, _) in memory.items():
        if start <= address < start + len(data):
            return data, address - start
    sys.exit(f"a fixup at 0x{address:x}, which no segment holds")


def store(address, value):
    data, offset = word(address)
    struct.pack_into("<Q", data, offset, value & (1 << 64) - 1)


for relocation in image.relocations:
    if isinstance(relocation, lief.MachO.RelocationFixup):
        store(relocation.address, relocation.target + slide)
    else:
        data, offset = word(relocation.address)
        store(relocation.address, struct.unpack_from("<Q", data, offset)[0] + slide)

stubs = {}
own = {symbol.name: symbol.value for symbol in image.symbols if symbol.raw_type & 0xE == 0xE and not symbol.raw_type & 0xE0}
for binding in image.bindings:
    name = binding.symbol.name
    if name in own:
        store(binding.address, own[name] + slide + binding.addend)
    else:
        stubs.setdefault(name, STUBS + 16 * len(stubs))
        store(binding.address, stubs[name] + binding.addend)

for start, (data, bits) in memory.items():
    engine.mem_map(start + slide, len(data), protection(bits))
    engine.mem_write(start + slide, bytes(data))
engine.mem_map(STACK, 1 << 20)
engine.mem_map(STUBS, PAGE)
engine.mem_map(RETURN, PAGE)
# `mov w0, #7; ret` or `mov eax, 7; ret`
stub = struct.pack("<II", 0x528000E0, 0xD65F03C0) if is_arm else bytes([0xB8, 7, 0, 0, 0, 0xC3])
for address in stubs.values():
    engine.mem_write(address, stub)

for call in sys.argv[5:]:
    name, _, argument = call.partition(":")
    top = STACK + (1 << 20) - 4096
    if is_arm:
        engine.reg_write(arm.UC_ARM64_REG_SP, top)
        engine.reg_write(arm.UC_ARM64_REG_X0, int(argument or 0))
        engine.reg_write(arm.UC_ARM64_REG_LR, RETURN)
    else:
        engine.mem_write(top - 8, struct.pack("<Q", RETURN))
        engine.reg_write(x86.UC_X86_REG_RSP, top - 8)
        engine.reg_write(x86.UC_X86_REG_RDI, int(argument or 0))
    engine.emu_start(own[name] + slide, RETURN, count=1_000_000)
    result = engine.reg_read(arm.UC_ARM64_REG_X0 if is_arm else x86.UC_X86_REG_RAX)
    print(call, result & 0xFFFFFFFF)
