import Addressing
import ObjectFile
import Testing

/// Pointers added to a prepared image, and taken away.
struct `Loader tables of prepared Mach-O images` {
  /// Puts a function into the arena that loads a pointer from a cell and jumps through it.
  private func withStub(_ prepared: PreparedMachO, to symbol: MachOPointer) throws -> [FileEdit] {
    let layout = prepared.image.layout
    // arm64: adrp x16, cell@page; ldr x16, [x16, cell@pageoff]; br x16. x86-64: jmp *cell(%rip).
    let code: [UInt8]
    let distance = layout.cells.range.start.rawValue - layout.code.range.start.rawValue
    if prepared.file.header.machine == .arm64 {
      let pages = UInt32(distance >> 12)
      let adrp: UInt32 = 0x9000_0010 | (pages & 3) << 29 | (pages >> 2) << 5
      code = [adrp, 0xF940_0210, 0xD61F_0200].flatMap { word in
        (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
      }
    } else {
      code = [0xFF, 0x25] + (0..<4).map { UInt8(truncatingIfNeeded: (distance - 6) >> ($0 * 8)) }
    }
    let before = prepared.image.bytes(at: layout.code.fileOffset, count: code.count)
    let tables = try MachOLoaderTables(prepared.file)
    return [FileEdit(offset: layout.code.fileOffset, before: before, after: code)]
      + (try tables.edits(setting: [layout.cells.range.start: symbol]))
  }

  /// The entry of `_kept` becomes a branch to the stub in the arena.
  private func redirect(_ prepared: PreparedMachO) throws -> FileEdit {
    let table = try #require(try prepared.file.symbolTable())
    let kept = try #require(table.first { table.nameMatches($0, "_kept") })
    let place = try #require(prepared.file.fileOffset(of: .init(kept.value)))
    let code = prepared.image.layout.code.range.start.rawValue
    let bytes: [UInt8]
    if prepared.file.header.machine == .arm64 {
      // adrp x16, code@page; br x16: the arena is out of reach of a branch.
      let pages = UInt32((code >> 12) - (kept.value >> 12))
      let adrp: UInt32 = 0x9000_0010 | (pages & 3) << 29 | (pages >> 2) << 5
      bytes = [adrp, 0xD61F_0200].flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    } else {
      bytes = [0xE9] + (0..<4).map { UInt8(truncatingIfNeeded: (code &- kept.value &- 5) >> ($0 * 8)) }
    }
    let before = try prepared.file.view.bytes(at: Int(place.rawValue), count: bytes.count)
    return FileEdit(offset: place, before: before, after: bytes)
  }

  @Test(arguments: Specimen.machOPreparable.filter { !$0.name.hasPrefix("zig 0.10") })
  func `lead a function through a cell in the arena, at any slide`(_ specimen: Specimen) async throws {
    let prepared = try await PreparedMachO(specimen)
    let table = try #require(try prepared.file.symbolTable())
    let answer = try #require(table.first { table.nameMatches($0, "_answer") })
    let edits = try withStub(prepared, to: .address(.init(answer.value))) + [redirect(prepared)]
    let edited = try prepared.edited(edits, of: prepared.file, as: "edited")
    #expect(try PreparedMachO.run(prepared.path, slide: 0x4000, ["_kept"]) == ["_kept 5"])
    for slide: UInt64 in [0, 0x7654_0000] {
      #expect(try PreparedMachO.run(edited.name, slide: slide, ["_kept"]) == ["_kept 42"])
    }
    let pointers = try MachOLoaderTables(edited).pointers()
    #expect(pointers[prepared.image.layout.cells.range.start] == .address(.init(answer.value)))
    #expect(pointers.count == (try MachOLoaderTables(prepared.file).pointers().count) + 1)
  }

  @Test(arguments: Specimen.machOPreparable) func `bind a symbol that the image did not import`(
    _ specimen: Specimen
  ) async throws {
    let prepared = try await PreparedMachO(specimen)
    let cell = prepared.image.layout.cells.range.start
    let target = MachOBindTarget(library: .init(1), symbol: "_getpid")
    let edits = try MachOLoaderTables(prepared.file).edits(setting: [cell: .symbol(target)])
    let edited = try prepared.edited(edits, of: prepared.file, as: "edited")
    #expect(try MachOLoaderTables(edited).pointers()[cell] == .symbol(target))
    if let signature = try edited.codeSignature() {
      #expect(try signature.mismatches(in: edited.view, sha256: PreparedMachO.sha256).isEmpty)
    }
  }

  @Test(arguments: Specimen.machOPreparable) func `are back where they were, word for word, when edits are undone`(
    _ specimen: Specimen
  ) async throws {
    let prepared = try await PreparedMachO(specimen)
    let tables = try MachOLoaderTables(prepared.file)
    let start = prepared.image.layout.data.range.start.rawValue
    let target = VirtualAddress(prepared.image.layout.code.range.start.rawValue + 16)
    var pointers: [VirtualAddress: MachOPointer?] = [:]
    for index: UInt64 in [0, 1, 2, 3, 5, 8, 13, 2040, 2049] {
      pointers[VirtualAddress(start + 8 * index)] = index == 5 ? nil : .address(target)
    }
    let edits = try tables.edits(setting: pointers)
    let edited = try prepared.edited(edits, of: prepared.file, as: "edited")
    let found = try MachOLoaderTables(edited).pointers()
    #expect(pointers.allSatisfy { found[$0.key] == $0.value })
    // Taken away one by one they leave the words that the loader filled before.
    let without = try MachOLoaderTables(edited).edits(setting: pointers.mapValues { _ in nil })
    let emptied = try prepared.edited(without, of: edited, as: "emptied")
    #expect(try MachOLoaderTables(emptied).pointers() == (try tables.pointers()))
    // Undone they leave the very bytes.
    let undone = try prepared.edited(edits.reversed().map(\.inverted), of: edited, as: "undone")
    #expect(undone.view.hasSameBytes(as: prepared.file.view))
  }

  @Test func `say so when there is no more room`() async throws {
    let specimen = try #require(Specimen.machOPreparable.first { $0.name.contains("-no_fixup_chains") })
    let prepared = try await PreparedMachO(specimen)
    let start = prepared.image.layout.data.range.start.rawValue
    var pointers: [VirtualAddress: MachOPointer?] = [:]
    // Distances that no opcode says in one: 3 words, 5 words, 7 words, again and again.
    var at = start
    for index: UInt64 in 0..<700 {
      pointers[VirtualAddress(at)] = .address(prepared.image.layout.code.range.start)
      at += 8 * (3 + index % 3)
    }
    #expect { try MachOLoaderTables(prepared.file).edits(setting: pointers) } throws: {
      ($0 as? ObjectFileError)?.code == .noRoom
    }
  }
}
