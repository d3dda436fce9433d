import Addressing
import Journal

/// x86-64, as the linker knows it.
struct X86Machine: Machine {
  var architecture: BaseImage.Architecture { .x86_64 }

  func name(ofRelocation type: UInt32) -> String { X86Relocation.name(of: type) }

  func isWord(_ type: UInt32) -> Bool { X86Relocation(rawValue: type) == .direct64 }

  func isPCRelative(_ type: UInt32) -> Bool { X86Relocation(rawValue: type)?.isPCRelative ?? false }

  func cellDistance(for type: UInt32) -> UInt32? {
    X86Relocation(rawValue: type) == .pc32 ? X86Relocation.gotPCRel.rawValue : nil
  }

  /// Branches reach everything.
  func offsetTablePage(for type: UInt32) -> UInt32? { nil }

  func isCall(_ type: UInt32) -> Bool { false }

  func fieldTails() -> any FieldTails { X86FieldTails() }

  func plan(_ relocations: [AtomRelocation], bytes: [UInt8], isCode: Bool) -> any RelocationPlan {
    X86RelocationPlan(relocations: relocations, bytes: bytes, isCode: isCode)
  }

  func match(
    object: [UInt8], relocations: [AtomRelocation], placed: [UInt8], at place: VirtualAddress, isCode: Bool
  ) -> PlacedMatch? {
    X86Placed.match(object: object, relocations: relocations, placed: placed, at: place, isCode: isCode)
  }

  var slotByteCount: Int { X86EntryStub.slotByteCount }

  var longestStubByteCount: Int { 10 }

  func stub(
    for firstBytes: [UInt8], room: Int, at entry: VirtualAddress, islands: AddressRange
  ) -> (any EntryStub)? {
    X86EntryStub.kind(for: firstBytes, room: room)
  }

  func slot(at place: VirtualAddress, cell: VirtualAddress) throws(LinkError) -> EncodedStub {
    try X86EntryStub.slot(at: place, cell: cell)
  }

  func padding(in bytes: [UInt8]) -> Int { X86EntryStub.padding(in: bytes) }

  /// `int3`
  var trap: [UInt8] { [0xcc] }

  /// `jmp *slot(%rip)`, with an `endbr64`, a `bnd` or mold's `mov $index,%r11d` in front.
  func cell(ofCallStub code: [UInt8], at place: VirtualAddress) -> VirtualAddress? {
    var code = code[...]
    if code.starts(with: X86EntryStub.landingPad) { code = code.dropFirst(4) }
    if code.starts(with: [0x41, 0xbb]) { code = code.dropFirst(6) }
    if code.first == 0xf2 { code = code.dropFirst() }
    guard code.starts(with: [0xff, 0x25]), code.count >= 6 else { return nil }
    let field = code.dropFirst(2).prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    return place.displaced(by: Int64(code.startIndex) + 6).displaced(by: Int64(Int32(bitPattern: field)))
  }

  /// It leads to the resolver by way of a `push` of its number. Mold's stubs put the number in a register before they
  /// jump, and so its slots serve no others.
  func servesSlots(lazilyBound way: [UInt8]) -> Bool {
    way.first == 0x68 || (way.starts(with: X86EntryStub.landingPad) && way.byte(at: 4) == 0x68)
  }

  var branchReach: Int64? { nil }

  func veneer(at place: VirtualAddress, to target: VirtualAddress) throws(LinkError) -> EncodedStub {
    throw LinkError(.relocationOutOfRange, address: target, detail: "a branch of x86-64 reaches all of an image")
  }

  func target(ofVeneer code: [UInt8], at place: VirtualAddress) -> VirtualAddress? { nil }
}
