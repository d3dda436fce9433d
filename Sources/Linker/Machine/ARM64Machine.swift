import Addressing
import Journal

/// arm64, as the linker knows it.
struct ARM64Machine: Machine {
  var architecture: BaseImage.Architecture { .arm64 }

  func name(ofRelocation type: UInt32) -> String { ARM64Relocation.name(of: type) }

  func isWord(_ type: UInt32) -> Bool { ARM64Relocation(rawValue: type) == .abs64 }

  func isPCRelative(_ type: UInt32) -> Bool {
    switch ARM64Relocation(rawValue: type)?.field {
    case .distance32, .distance64: true
    default: false
    }
  }

  func cellDistance(for type: UInt32) -> UInt32? {
    switch ARM64Relocation(rawValue: type) {
    case .prel32: ARM64Relocation.gotPCRel32.rawValue
    case .prel64: ARM64Relocation.gotPCRel64.rawValue
    default: nil
    }
  }

  func offsetTablePage(for type: UInt32) -> UInt32? {
    ARM64Relocation(rawValue: type) == .adrPRelPgHi21 ? ARM64Relocation.offsetTablePage.rawValue : nil
  }

  func isCall(_ type: UInt32) -> Bool { ARM64Relocation(rawValue: type)?.field == .branch26 }

  func fieldTails() -> any FieldTails { NoFieldTails() }

  /// Distances count from the field, as relocations do.
  private struct NoFieldTails: FieldTails {
    func byteCount(from offset: Int, in piece: ObjectPiece) -> Int { 0 }
  }

  func plan(_ relocations: [AtomRelocation], bytes: [UInt8], isCode: Bool) -> any RelocationPlan {
    ARM64RelocationPlan(relocations: relocations, bytes: bytes, isCode: isCode)
  }

  func match(
    object: [UInt8], relocations: [AtomRelocation], placed: [UInt8], at place: VirtualAddress, isCode: Bool
  ) -> PlacedMatch? {
    ARM64Placed.match(object: object, relocations: relocations, placed: placed, at: place)
  }

  var slotByteCount: Int { 20 }

  var longestStubByteCount: Int { 16 }

  func stub(
    for firstBytes: [UInt8], room: Int, at entry: VirtualAddress, islands: AddressRange
  ) -> (any EntryStub)? {
    ARM64EntryStub.kind(for: firstBytes, room: room, at: entry, islands: islands)
  }

  /// A procedure linkage table's entry behind a landing pad: x16 holds the cell's address when the resolver of a lazily
  /// bound cell is reached (AAELF64, Procedure Linkage Table).
  func slot(at place: VirtualAddress, cell: VirtualAddress) throws(LinkError) -> EncodedStub {
    let code: [ARM64Instruction] = [.landingPad, .pageAddress(16), .load(17, 16), .add(16, 16), .branch(17)]
    let fixups = [
      Fixup(offset: 4, kind: .arm64Page21, target: cell, addend: 0),
      Fixup(offset: 8, kind: .arm64PageOffset12, target: cell, addend: 0),
      Fixup(offset: 12, kind: .arm64PageOffset12, target: cell, addend: 0),
    ]
    return EncodedStub(code.flatMap(\.bytes), fixups, at: place)
  }

  /// Nops, zeroes, and `udf #0`, which is one.
  func padding(in bytes: [UInt8]) -> Int {
    var offset = 0
    while let instruction = ARM64Instruction(bytes, at: offset), instruction == .nop || instruction.word == 0 {
      offset += 4
    }
    return offset
  }

  /// `brk #1`
  var trap: [UInt8] { ARM64Instruction.trap.bytes }

  /// `adrp x16; ldr x16 or x17, [x16, …]`, with a landing pad before it.
  func cell(ofCallStub code: [UInt8], at place: VirtualAddress) -> VirtualAddress? {
    var offset = 0
    if ARM64Instruction(code, at: 0)?.isLandingPad == true { offset = 4 }
    guard let page = ARM64Instruction(code, at: offset), page.isPageAddress, page.destination == 16,
      let load = ARM64Instruction(code, at: offset + 4), load.isLoad64, load.source == 16,
      load.destination == 16 || load.destination == 17
    else { return nil }
    return Self.page(page, at: place.displaced(by: Int64(offset))).displaced(by: Int64(load.offset12))
  }

  /// Resolvers take the cell's address from x16, which slots leave there.
  func servesSlots(lazilyBound way: [UInt8]) -> Bool { true }

  var branchReach: Int64? { 1 << 27 }

  func veneer(at place: VirtualAddress, to target: VirtualAddress) throws(LinkError) -> EncodedStub {
    let code: [ARM64Instruction] = [.pageAddress(16), .add(16, 16), .branch(16)]
    let fixups = [
      Fixup(offset: 0, kind: .arm64Page21, target: target, addend: 0),
      Fixup(offset: 4, kind: .arm64PageOffset12, target: target, addend: 0),
    ]
    return EncodedStub(code.flatMap(\.bytes), fixups, at: place)
  }

  /// `adrp x16; add x16, x16, …; br x16`, as linkers write it too.
  func target(ofVeneer code: [UInt8], at place: VirtualAddress) -> VirtualAddress? {
    guard let page = ARM64Instruction(code, at: 0), page.isPageAddress, page.destination == 16,
      let add = ARM64Instruction(code, at: 4), add.isAdd, add.destination == 16, add.source == 16,
      ARM64Instruction(code, at: 8) == .branch(16)
    else { return nil }
    return Self.page(page, at: place).displaced(by: Int64(add.offset12))
  }

  /// Where an `adrp` leads.
  static func page(_ instruction: ARM64Instruction, at place: VirtualAddress) -> VirtualAddress {
    VirtualAddress(place.rawValue & ~0xfff).displaced(by: instruction.distance21 << 12)
  }
}

/// The entry stubs of arm64.
enum ARM64EntryStub: EntryStub, Hashable, CaseIterable {
  /// `adrp x16, cell; ldr x16, [x16, cell]; br x16`, 12 bytes.
  case cellJump
  /// With `bti c` in front, 16 bytes: the entry stays a legal target of indirect calls.
  case guardedCellJump
  /// `b island`, 4 bytes, for a function with no room for more.
  case islandJump
  /// `bti c; b island`, 8 bytes.
  case guardedIslandJump

  var byteCount: Int {
    switch self {
    case .cellJump: 12
    case .guardedCellJump: 16
    case .islandJump: 4
    case .guardedIslandJump: 8
    }
  }

  var needsIsland: Bool { self == .islandJump || self == .guardedIslandJump }

  private var isGuarded: Bool { self == .guardedCellJump || self == .guardedIslandJump }

  static func kind(
    for firstBytes: [UInt8], room: Int, at entry: VirtualAddress, islands: AddressRange
  ) -> ARM64EntryStub? {
    let isGuarded = ARM64Instruction(firstBytes, at: 0)?.isLandingPad == true
    let kinds: [ARM64EntryStub] = isGuarded ? [.guardedCellJump, .guardedIslandJump] : [.cellJump, .islandJump]
    return kinds.first {
      $0.byteCount <= room && (!$0.needsIsland || (reaches(islands.start, entry) && reaches(islands.end, entry)))
    }
  }

  private static func reaches(_ target: VirtualAddress, _ entry: VirtualAddress) -> Bool {
    let distance = Int64(bitPattern: target.rawValue &- entry.rawValue)
    return distance >= -(1 << 27) && distance <= 1 << 27 - 4
  }

  func encode(at entry: VirtualAddress, to destination: VirtualAddress) throws(LinkError) -> EncodedStub {
    let start: UInt32 = isGuarded ? 4 : 0
    let pad: [ARM64Instruction] = isGuarded ? [.landingPad] : []
    guard needsIsland else {
      let pages = Int64(bitPattern: destination.rawValue >> 12 &- entry.rawValue >> 12)
      guard pages >= -(1 << 20), pages < 1 << 20 else { throw Self.unreachable(destination, from: entry) }
      return EncodedStub(
        (pad + [.pageAddress(16), .load(16, 16), .branch(16)]).flatMap(\.bytes),
        [
          Fixup(offset: start, kind: .arm64Page21, target: destination, addend: 0),
          Fixup(offset: start + 4, kind: .arm64PageOffset12, target: destination, addend: 0),
        ], at: entry)
    }
    guard Self.reaches(destination, entry) else { throw Self.unreachable(destination, from: entry) }
    return EncodedStub(
      (pad + [.branch]).flatMap(\.bytes),
      [Fixup(offset: start, kind: .arm64Branch26, target: destination, addend: 0)], at: entry)
  }

  private static func unreachable(_ destination: VirtualAddress, from entry: VirtualAddress) -> LinkError {
    LinkError(.relocationOutOfRange, address: entry, detail: "an entry stub at \(entry) cannot reach \(destination)")
  }
}
