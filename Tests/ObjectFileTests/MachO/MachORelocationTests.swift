import Foundation
import ObjectFile
import Testing

/// Objects whose every relocation is known, and what a linker made of them.
struct `Relocations of Mach-O objects` {
  static let arm = Specimen.machOObjects.first { $0.name.contains("arm64.s") }
  static let x86 = Specimen.machOObjects.first { $0.name.contains("x86_64.s") }

  private func listing(_ specimen: Specimen?, _ section: String, _ segment: String) async throws -> [String] {
    let file = try await #require(specimen).machO()
    let table = try #require(try file.symbolTable())
    let found = try #require(file.section(named: section, in: segment))
    return try file.relocations(of: found).reversed().map { relocation in
      let target: String =
        switch relocation.target {
        case .symbol(let index): try table.name(of: table[index])
        case .section(let ordinal): file.sections[ordinal - 1].name
        }
      let less = try relocation.subtrahend.map { " - " + (try table.name(of: table[$0])) } ?? ""
      return "\(relocation.offset) \(relocation.kind) \(target)\(less) \(relocation.addend)"
    }
  }

  @Test func `of arm64 have the addends that their source has`() async throws {
    expectSame(
      try await listing(Self.arm, "__text", "__TEXT"),
      [
        "0 armBranch26 _far 0", "4 armBranch26 _far 8", "8 armPage21 _datum 4", "12 armPageOffset12 _datum 4",
        "16 armPageOffset12 _datum 0", "20 armGOTLoadPage21 _far 0", "24 armGOTLoadPageOffset12 _far 0",
        "28 armTLVLoadPage21 _own 0", "32 armTLVLoadPageOffset12 _own 0",
      ])
    expectSame(
      try await listing(Self.arm, "__data", "__DATA"),
      [
        "0 absolute _far 0", "8 absolute _first 16", "16 absolute _second - _datum 0",
        "24 absolute _inside - _datum -4",
        "28 armPointerToGOT _far 0", "32 armPointerToGOT _far 0",
      ])
  }

  /// The source of the record at 34 says `_datum+2`, that of the one at 55 `_datum+44`, in instructions with one byte more.
  @Test func `of x86-64 have the addends that their source has`() async throws {
    expectSame(
      try await listing(Self.x86, "__text", "__TEXT"),
      [
        "1 x86Branch _far 0", "6 x86Branch _far 8", "13 x86Signed _datum 0", "20 x86Signed _datum 4",
        "26 x86Signed _datum 0", "34 x86Signed _datum 1", "41 x86Signed _datum 0", "49 x86Signed __cstring 0",
        "55 x86Signed _datum 43", "63 x86GOTLoad _far 0", "69 x86GOT _far 0", "76 x86TLV _own 0",
        "81 x86Branch _second 0",
      ])
    expectSame(
      try await listing(Self.x86, "__data", "__DATA"),
      [
        "0 absolute _far 0", "8 absolute _first 16", "16 absolute _second - _datum 0",
        "24 absolute _inside - _datum -4",
        "28 x86GOT _far 4", "32 absolute _datum 48",
      ])
  }

  /// What the fields must hold is computed from our reading of the object and the addresses that the linker chose.
  @Test(arguments: ["arm64", "x86_64"])
  func `lead where a linker makes them lead`(_ machine: String) throws {
    let pair = try LinkedPair(machine)
    var kinds: Set<MachORelocationKind> = []
    // A descriptor of a thread-local variable gets an offset where the object has an address.
    for section in pair.object.sections where section.type != .threadLocalDescriptors {
      for relocation in try pair.object.relocations(of: section) {
        guard let found = try pair.target(of: relocation, in: section) else { continue }
        #expect(found.actual == found.wanted, "\(section.fullName) \(relocation)")
        kinds.insert(relocation.kind)
      }
    }
    let wanted: Set<MachORelocationKind> =
      machine == "arm64"
      ? [.absolute, .armBranch26, .armPage21, .armPageOffset12, .armPointerToGOT]
      : [.absolute, .x86Branch, .x86Signed, .x86GOT]
    #expect(kinds.isSuperset(of: wanted), "\(kinds)")
  }
}

/// An object and the image that ld64.lld made of it.
private struct LinkedPair {
  let object: MachOFile
  let image: MachOFile
  private let atoms: MachOAtoms
  private let objectTable: MachOSymbolTable
  private var imageAddresses: [String: UInt64] = [:]
  private let folder = try? TemporaryFolder()

  init(_ machine: String) throws {
    let folder = try #require(folder)
    let source = Specimen.fixture("far.s")
    let compiler = ["-target", "\(machine)-apple-none-macho", "-c"]
    try Tool.run("clang", compiler + [source, "-o", folder.path + "/far.o"])
    try Tool.run(
      "clang", compiler + ["-Wa,-defsym,LINKED=1", Specimen.fixture("\(machine).s"), "-o", folder.path + "/own.o"])
    try Tool.run(
      "ld64.lld",
      [
        "-arch", machine, "-platform_version", "macos", "12.0", "12.0", "-no_fixup_chains", "-o",
        folder.path + "/image", folder.path + "/own.o", folder.path + "/far.o", Specimen.systemLibraries,
      ])
    object = try MachOFile(MappedFile(path: folder.path + "/own.o"))
    image = try MachOFile(MappedFile(path: folder.path + "/image"))
    atoms = try object.atoms()
    objectTable = try #require(try object.symbolTable())
    let table = try #require(try image.symbolTable())
    for symbol in table where symbol.isDefined { imageAddresses[try table.name(of: symbol)] = symbol.value }
  }

  /// Where a byte of the object went.
  private func imageAddress(_ address: UInt64, in section: MachOSection) throws -> UInt64? {
    guard let atom = atoms.atom(containing: .init(address), in: section) else { return nil }
    for index in atom.names {
      guard let start = imageAddresses[try objectTable.name(of: objectTable[index])] else { continue }
      return start + (address - atom.range.start.rawValue)
    }
    return nil
  }

  /// Where the field leads, and where it should; nil for what the linker may relax, and for what has no name.
  func target(of relocation: MachORelocation, in section: MachOSection) throws -> (actual: UInt64, wanted: UInt64)? {
    guard let place = try imageAddress(section.address.rawValue + relocation.offset, in: section) else { return nil }
    var base: UInt64?
    switch relocation.target {
    case .symbol(let index): base = imageAddresses[try objectTable.name(of: objectTable[index])]
    case .section(let ordinal):
      let section = object.sections[ordinal - 1]
      base = try imageAddress(section.address.rawValue &+ UInt64(bitPattern: relocation.addend), in: section)
        .map { $0 &- UInt64(bitPattern: relocation.addend) }
    }
    guard let base else { return nil }
    let target = base &+ UInt64(bitPattern: relocation.addend)
    let bytes = try image.bytes(at: .init(place), count: UInt64(relocation.byteCount))
    let field =
      relocation.byteCount == 8
      ? try bytes.load(Int64.self, at: 0) : Int64(try bytes.load(Int32.self, at: 0))
    let word = UInt32(truncatingIfNeeded: field)
    let next = place &+ UInt64(bitPattern: relocation.distanceToNextInstruction)
    switch relocation.kind {
    case .absolute:
      guard let subtrahend = relocation.subtrahend else { return (UInt64(bitPattern: field), target) }
      let name = try objectTable.name(of: objectTable[subtrahend])
      return (UInt64(bitPattern: field), target &- (imageAddresses[name] ?? 0))
    case .x86Signed, .x86Branch: return (next &+ UInt64(bitPattern: field), target)
    case .x86GOT:
      let cell = next &+ UInt64(bitPattern: field &- relocation.addend)
      return (try image.bytes(at: .init(cell), count: 8).load(UInt64.self, at: 0), base)
    case .armPointerToGOT:
      let cell = UInt64(bitPattern: field) &+ (relocation.isPCRelative ? place : 0)
      return (try image.bytes(at: .init(cell), count: 8).load(UInt64.self, at: 0), base)
    case .armBranch26: return (place &+ UInt64(bitPattern: Int64(Int32(bitPattern: word << 6) >> 4)), target)
    case .armPage21:
      let pages = Int64(Int32(bitPattern: (word >> 5 & 0x7FFFF) << 13 | (word >> 29 & 3) << 11) >> 11)
      return ((place & ~0xFFF) &+ UInt64(bitPattern: pages << 12), target & ~0xFFF)
    case .armPageOffset12:
      // An `add` counts bytes, a load what it loads.
      let scale: UInt64 = word >> 24 & 0x3F == 0x11 ? 0 : UInt64(word >> 30)
      return (UInt64(word >> 10 & 0xFFF) << scale, target & 0xFFF)
    case .x86GOTLoad, .x86TLV, .armGOTLoadPage21, .armGOTLoadPageOffset12, .armTLVLoadPage21, .armTLVLoadPageOffset12:
      return nil
    }
  }
}
