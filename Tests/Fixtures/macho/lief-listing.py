"""Every field of a Mach-O file as LIEF reads it, one line each, in the form of MachOListing.swift.

Usage: lief-listing.py FOLDER-OF-LIEF FILE
"""

import sys

sys.path.insert(0, sys.argv[1])
import lief  # noqa: E402

lief.logging.disable()
file = lief.MachO.parse(sys.argv[2]).at(0)


def version(numbers):
    return ".".join(str(number) for number in (list(numbers) + [0, 0])[:3])


header = file.header
print(f"header {int(header.cpu_type):x} {int(header.file_type):x} {int(header.flags):x} {header.nb_cmds} {header.sizeof_cmds}")
for command in file.commands:
    print(f"command {int(command.command) & 0xFFFFFFFF:x} {command.command_offset:x} {command.size:x}")
for segment in file.segments:
    print(
        f"segment {segment.name} {segment.virtual_address:x} {segment.virtual_size:x} {segment.file_offset:x} "
        f"{segment.file_size:x} {int(segment.max_protection):x} {int(segment.init_protection):x} {int(segment.flags):x} "
        f"{segment.numberof_sections}")
for section in file.sections:
    print(
        f"section {section.segment_name},{section.name} {section.virtual_address:x} {section.size:x} {section.offset:x} "
        f"{section.alignment} {section.relocation_offset:x} {section.numberof_relocations} {int(section.type):x} "
        f"{int(section.flags) & 0xFFFFFF00:x} {section.reserved1:x} {section.reserved2:x}")
for symbol in file.symbols:
    print(
        f"symbol {symbol.name} {symbol.value:x} {symbol.raw_type:x} {symbol.numberof_sections} "
        f"{symbol.description & 0xFFFF:x}")
if file.uuid:
    print("uuid", "".join(f"{byte:02x}" for byte in file.uuid.uuid))
if file.build_version:
    build = file.build_version
    tools = [f"{int(tool.tool)}:{version(tool.version)}" for tool in build.tools]
    print("build", int(build.platform), version(build.minos), version(build.sdk), *tools)
if file.version_min:
    print("minimum", version(file.version_min.version), version(file.version_min.sdk))
for library in file.libraries:
    if int(library.command) & 0xFFFFFFFF != 0xD:
        print("library", library.name, version(library.current_version), version(library.compatibility_version))
    else:
        print("identity", library.name, version(library.current_version), version(library.compatibility_version))
if file.dylinker:
    print("linker", file.dylinker.name)
for path in file.rpaths:
    print("rpath", path.path)
if file.main_command:
    print(f"entry {file.imagebase + file.main_command.entrypoint:x}")
if file.function_starts:
    for function in file.function_starts.functions:
        print(f"function {function:x}")
if file.data_in_code:
    for entry in file.data_in_code.entries:
        print(f"data {entry.offset:x} {entry.length} {int(entry.type)}")
if file.dynamic_symbol_command:
    dynamic = file.dynamic_symbol_command
    print(
        "dynamic", dynamic.nb_local_symbols, dynamic.idx_external_define_symbol, dynamic.nb_external_define_symbols,
        dynamic.idx_undefined_symbol, dynamic.nb_undefined_symbols, dynamic.nb_indirect_symbols)
if file.code_signature:
    print(f"signature {file.code_signature.data_offset:x} {file.code_signature.data_size:x}")
if file.dyld_chained_fixups:
    print(f"chains {file.dyld_chained_fixups.data_offset:x} {file.dyld_chained_fixups.data_size:x}")
if file.dyld_exports_trie:
    print(f"trie {file.dyld_exports_trie.data_offset:x} {file.dyld_exports_trie.data_size:x}")
if file.dyld_info:
    info = file.dyld_info
    print("info", *(f"{size:x}" for size in (
        info.rebase[1], info.bind[1], info.weak_bind[1], info.lazy_bind[1], info.export_info[1])))
