import Addressing
import Journal
import Testing

@testable import Linker

@Suite struct X86RelocatorTests {
  private let place = VirtualAddress(0x40_0000)

  private func relocation(_ type: X86Relocation, _ offset: Int, _ addend: Int64 = -4) -> AtomRelocation {
    AtomRelocation(offset: offset, type: type.rawValue, symbol: 3, addend: addend)
  }

  private func relocate(
    _ bytes: [UInt8], _ relocations: [AtomRelocation], _ value: FixupValue, slides: Bool = true
  ) throws(LinkError) -> RelocatedAtom {
    try X86Relocator.relocate(
      bytes: bytes, relocations: relocations, at: place, isPositionIndependent: slides,
      symbolName: { $0 == 3 ? "datum" : nil },
      resolve: { (_, _) throws(LinkError) in value })
  }

  private func refusal(
    _ bytes: [UInt8], _ relocation: AtomRelocation, _ value: FixupValue, slides: Bool = true
  ) -> LinkError? {
    #expect(throws: LinkError.self) { try relocate(bytes, [relocation], value, slides: slides) }
  }

  // MARK: Fields

  @Test("a distance is written and kept as a fixup that gives the same bytes")
  func relative() throws {
    let atom = try relocate([0xe8, 0, 0, 0, 0], [relocation(.plt32, 1)], .address(VirtualAddress(0x40_0105)))
    #expect(atom.bytes == [0xe8, 0, 1, 0, 0])
    #expect(atom.fixups == [Fixup(offset: 1, kind: .relative32, target: VirtualAddress(0x40_0105), addend: -4)])
    #expect(atom.pointers.isEmpty)
  }

  @Test("a distance of just 2 GiB fits, one byte more is refused with the symbol and the place")
  func range() throws {
    let farthest = VirtualAddress(0x40_0001 + 4 + 0x7fff_ffff)
    #expect(throws: Never.self) { try relocate([0xe8, 0, 0, 0, 0], [relocation(.pc32, 1)], .address(farthest)) }
    let error = refusal([0xe8, 0, 0, 0, 0], relocation(.pc32, 1), .address(farthest.displaced(by: 1)))
    #expect(error?.code == .relocationOutOfRange)
    #expect(error?.symbol == "datum")
    #expect(error?.address == VirtualAddress(0x40_0001))
    #expect(error?.detail?.contains("R_X86_64_PC32") == true)
  }

  @Test("a word of an image that slides becomes a pointer and stays 0; elsewhere it is written")
  func word() throws {
    let bytes = [UInt8](repeating: 0xaa, count: 16)
    let target = VirtualAddress(0x40_2000)
    let sliding = try relocate(bytes, [relocation(.direct64, 8, 16)], .address(target))
    #expect(sliding.bytes == Array(repeating: 0xaa, count: 8) + Array(repeating: 0, count: 8))
    #expect(sliding.pointers.map(\.offset) == [8])
    #expect(sliding.pointers.map(\.target) == [VirtualAddress(0x40_2010)])
    #expect(sliding.fixups.isEmpty)
    let fixed = try relocate(bytes, [relocation(.direct64, 8, 16)], .address(target), slides: false)
    #expect(Array(fixed.bytes[8...]) == [0x10, 0x20, 0x40, 0, 0, 0, 0, 0])
    #expect(fixed.fixups.map(\.kind) == [.absolute64])
    let imported = try relocate(bytes, [relocation(.direct64, 8, 0)], .imported)
    #expect(imported.imports == [relocation(.direct64, 8, 0)])
    let number = try relocate(bytes, [relocation(.direct64, 8, 1)], .absolute(7))
    #expect(number.bytes[8] == 8 && number.pointers.isEmpty && number.fixups.isEmpty)
  }

  @Test("32-bit absolute addresses are refused in an image that slides, and checked by their sign elsewhere")
  func absolute32() throws {
    let bytes: [UInt8] = [0xbf, 0, 0, 0, 0]
    #expect(refusal(bytes, relocation(.direct32, 1, 0), .address(place))?.detail?.contains("-fPIE") == true)
    let written = try relocate(bytes, [relocation(.direct32, 1, 4)], .address(place), slides: false)
    #expect(written.bytes == [0xbf, 4, 0, 0x40, 0])
    #expect(written.fixups.map(\.kind) == [.absolute32])
    let high = FixupValue.address(VirtualAddress(0x8000_0000))
    #expect(throws: Never.self) { try relocate(bytes, [relocation(.direct32, 1, 0)], high, slides: false) }
    #expect(refusal(bytes, relocation(.direct32S, 1, 0), high, slides: false)?.code == .relocationOutOfRange)
    #expect(refusal(bytes, relocation(.direct32, 1, -1), .absolute(0), slides: false)?.code == .relocationOutOfRange)
    #expect(try relocate(bytes, [relocation(.direct32S, 1, -1)], .absolute(0)).bytes == [0xbf, 255, 255, 255, 255])
  }

  @Test("sizes and thread offsets are numbers, not fixups")
  func numbers() throws {
    let bytes = [UInt8](repeating: 0, count: 8)
    let size = try relocate(bytes, [relocation(.size32, 0, 1)], .size(0x1_0000))
    #expect(size.bytes == [1, 0, 1, 0, 0, 0, 0, 0] && size.fixups.isEmpty)
    #expect(refusal(bytes, relocation(.size32, 0, 0), .size(1 << 32))?.code == .relocationOutOfRange)
    let thread = try relocate(bytes, [relocation(.tpOff32, 4, 2)], .threadOffset(-8))
    #expect(thread.bytes == [0, 0, 0, 0, 0xfa, 0xff, 0xff, 0xff] && thread.fixups.isEmpty)
    #expect(try relocate(bytes, [relocation(.tpOff64, 0, 0)], .threadOffset(-1)).bytes.allSatisfy { $0 == 0xff })
    #expect(refusal(bytes, relocation(.tpOff32, 0, .min), .threadOffset(-1))?.code == .relocationOutOfRange)
  }

  // MARK: Relaxation

  @Test("a load of an address from the GOT becomes its computation where the address is given")
  func gotLoad() throws {
    let load: [UInt8] = [0x4c, 0x8b, 0x2d, 0, 0, 0, 0]  // mov datum@GOTPCREL(%rip), %r13
    let near = try relocate(load, [relocation(.rexGotPCRelX, 3)], .address(VirtualAddress(0x40_0107)))
    #expect(near.bytes == [0x4c, 0x8d, 0x2d, 0, 1, 0, 0])
    let cell = try relocate(load, [relocation(.rexGotPCRelX, 3)], .cell(VirtualAddress(0x40_0107)))
    #expect(cell.bytes == [0x4c, 0x8b, 0x2d, 0, 1, 0, 0])
    #expect(cell.fixups.map(\.target) == [VirtualAddress(0x40_0107)])
    let null = try relocate(load, [relocation(.rexGotPCRelX, 3)], .absolute(0))
    #expect(null.bytes == [0x49, 0xc7, 0xc5, 0, 0, 0, 0])
  }

  @Test("calls and jumps through the GOT become direct ones, with the field where the new opcode has it")
  func gotBranch() throws {
    let target = FixupValue.address(VirtualAddress(0x40_0105))
    let call = try relocate([0xff, 0x15, 0, 0, 0, 0], [relocation(.gotPCRelX, 2)], target)
    #expect(call.bytes == [0x67, 0xe8, 0xff, 0, 0, 0])
    #expect(call.fixups.map(\.offset) == [2])
    let jump = try relocate([0xff, 0x25, 0, 0, 0, 0], [relocation(.gotPCRelX, 2)], target)
    #expect(jump.bytes == [0xe9, 0, 1, 0, 0, 0x90])
    #expect(jump.fixups.map(\.offset) == [1])
    // A weak symbol that nothing defines is never called.
    let null = try relocate([0xff, 0x15, 0, 0, 0, 0], [relocation(.gotPCRelX, 2)], .absolute(0))
    #expect(null.bytes == [0x67, 0xe8, 0xfa, 0xff, 0xbf, 0xff])
  }

  @Test("comparisons with the GOT become immediate only where the image does not slide")
  func gotCompare() throws {
    let target = FixupValue.address(VirtualAddress(0x40_2000))
    let compare: [UInt8] = [0x4c, 0x3b, 0x05, 0, 0, 0, 0]  // cmp datum@GOTPCREL(%rip), %r8
    let fixed = try relocate(compare, [relocation(.rexGotPCRelX, 3)], target, slides: false)
    #expect(fixed.bytes == [0x49, 0x81, 0xf8, 0, 0x20, 0x40, 0])
    #expect(fixed.fixups.map(\.kind) == [.absolute32])
    let test = try relocate([0x48, 0x85, 0x0d, 0, 0, 0, 0], [relocation(.rexGotPCRelX, 3)], target, slides: false)
    #expect(test.bytes == [0x48, 0xf7, 0xc1, 0, 0x20, 0x40, 0])
    #expect(refusal(compare, relocation(.rexGotPCRelX, 3), target)?.code == .unsupportedRelocation)
    #expect(refusal(compare, relocation(.gotPCRel, 3), target, slides: false)?.code == .unsupportedRelocation)
  }

  @Test("initial-exec access becomes an immediate, with a lea where the register has one")
  func initialExec() throws {
    func relaxed(_ bytes: [UInt8]) throws -> [UInt8] {
      try relocate(bytes + [0, 0, 0, 0], [relocation(.gotTPOff, 3)], .threadOffset(-16)).bytes
    }
    let field: [UInt8] = [0xf0, 0xff, 0xff, 0xff]
    #expect(try relaxed([0x48, 0x8b, 0x05]) == [0x48, 0xc7, 0xc0] + field)
    #expect(try relaxed([0x4c, 0x8b, 0x3d]) == [0x49, 0xc7, 0xc7] + field)
    #expect(try relaxed([0x48, 0x03, 0x1d]) == [0x48, 0x8d, 0x9b] + field)
    #expect(try relaxed([0x4c, 0x03, 0x05]) == [0x4d, 0x8d, 0x80] + field)
    #expect(try relaxed([0x48, 0x03, 0x25]) == [0x48, 0x81, 0xc4] + field)
    #expect(try relaxed([0x4c, 0x03, 0x25]) == [0x49, 0x81, 0xc4] + field)
    let kept = try relocate(
      [0x48, 0x8b, 0x05, 0, 0, 0, 0], [relocation(.gotTPOff, 3)], .cell(VirtualAddress(0x40_0007)))
    #expect(kept.bytes == [0x48, 0x8b, 0x05, 0, 0, 0, 0])
    #expect(kept.fixups.count == 1)
  }

  @Test("a general-dynamic sequence takes its call along, whichever of the two relocations comes first")
  func generalDynamic() throws {
    let sequence: [UInt8] = [0x66, 0x48, 0x8d, 0x3d, 0, 0, 0, 0, 0x66, 0x66, 0x48, 0xe8, 0, 0, 0, 0]
    let pair = [relocation(.tlsGD, 4), relocation(.plt32, 12)]
    for relocations in [pair, pair.reversed()] {
      #expect(Set(X86Relocator.needs(of: relocations, bytes: sequence)) == [.generalDynamic, .nothing])
      let local = try relocate(sequence, relocations, .threadOffset(-4))
      #expect(local.bytes == [0x64, 0x48, 0x8b, 4, 0x25, 0, 0, 0, 0, 0x48, 0x8d, 0x80, 0xfc, 0xff, 0xff, 0xff])
      let cell = try relocate(sequence, relocations, .cell(VirtualAddress(0x40_0110)))
      #expect(Array(cell.bytes[9...]) == [0x48, 0x03, 0x05, 0, 1, 0, 0])
      #expect(cell.fixups.map(\.offset) == [12])
    }
    let alone = X86Relocator.needs(of: [relocation(.tlsGD, 4)], bytes: sequence)
    #expect(alone == [.refused(.unknownSequence)])
  }

  @Test("local-dynamic sequences of both lengths become a read of the thread pointer")
  func localDynamic() throws {
    let read: [UInt8] = [0x64, 0x48, 0x8b, 4, 0x25, 0, 0, 0, 0]
    let short = try relocate(
      [0x48, 0x8d, 0x3d, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0], [relocation(.tlsLD, 3), relocation(.plt32, 8)],
      .threadOffset(0))
    #expect(short.bytes == [0x66, 0x66, 0x66] + read && short.fixups.isEmpty)
    let long = try relocate(
      [0x48, 0x8d, 0x3d, 0, 0, 0, 0, 0xff, 0x15, 0, 0, 0, 0], [relocation(.tlsLD, 3), relocation(.gotPCRelX, 9)],
      .threadOffset(0))
    #expect(long.bytes == [0x66, 0x66, 0x66, 0x66] + read && long.fixups.isEmpty)
  }

  @Test("a descriptor and the call through it become an immediate and a nop")
  func descriptor() throws {
    let bytes: [UInt8] = [0x48, 0x8d, 0x05, 0, 0, 0, 0, 0xff, 0x10]
    let relocations = [relocation(.gotPC32TLSDesc, 3), relocation(.tlsDescCall, 7, 0)]
    #expect(X86Relocator.needs(of: relocations, bytes: bytes) == [.threadDescriptor, .nothing])
    let local = try relocate(bytes, relocations, .threadOffset(-1))
    #expect(local.bytes == [0x48, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff, 0x66, 0x90])
    let cell = try relocate(bytes, relocations, .cell(VirtualAddress(0x40_0007)))
    #expect(cell.bytes == [0x48, 0x8b, 0x05, 0, 0, 0, 0, 0x66, 0x90])
  }

  // MARK: Needs and refusals

  @Test("a PC32 field is a call only behind the opcode of a branch")
  func branchOrData() {
    let relocations = [relocation(.pc32, 2)]
    func need(_ before: [UInt8], isCode: Bool = true) -> FixupNeed? {
      X86Relocator.needs(of: relocations, bytes: before + [0, 0, 0, 0], isCode: isCode).first
    }
    #expect(need([0x90, 0xe8]) == .call)
    #expect(need([0x90, 0xe9]) == .call)
    #expect(need([0x0f, 0x85]) == .call)
    #expect(need([0x8d, 0x05]) == .address)
    #expect(need([0x90, 0xe8], isCode: false) == .address)
  }

  @Test("every type either has a need or is refused by name", arguments: X86Relocation.allCases)
  func everyType(_ type: X86Relocation) throws {
    let bytes = [UInt8](repeating: 0, count: 16)
    let need = try #require(X86Relocator.needs(of: [relocation(type, 4)], bytes: bytes).first)
    guard case .refused(let reason) = need else { return }
    let error = refusal(bytes, relocation(type, 4), .address(place))
    #expect(error?.detail?.hasPrefix(type.name) == true)
    #expect(error?.detail?.hasSuffix(reason.clause) == true)
    #expect(error?.symbol == "datum")
    #expect(error?.code == (reason.isMalformed ? .malformedRelocation : .unsupportedRelocation))
  }

  @Test("fields outside the atom are refused, whatever the offset", arguments: [-1, 2, 5, .max, .min])
  func outside(_ offset: Int) {
    let error = refusal([0, 0, 0, 0, 0], relocation(.pc32, offset), .address(place))
    #expect(error?.code == .malformedRelocation)
  }

  @Test("an unknown type number is refused by the number")
  func unknownType() {
    let unknown = AtomRelocation(offset: 0, type: 77, symbol: 3, addend: 0)
    #expect(refusal([0, 0, 0, 0], unknown, .address(place))?.detail?.contains("relocation type 77") == true)
  }

  @Test("two relocations that share bytes are refused")
  func overlap() {
    let error = #expect(throws: LinkError.self) {
      try relocate(
        [UInt8](repeating: 0, count: 8), [relocation(.pc32, 0), relocation(.pc32, 3)], .address(place))
    }
    #expect(error?.code == .malformedRelocation)
    #expect(error?.address == place.displaced(by: 3))
  }

  @Test("a value that does not suit the field is refused by what it is")
  func unsuitable() {
    let bytes: [UInt8] = [0xe8, 0, 0, 0, 0]
    #expect(refusal(bytes, relocation(.plt32, 1), .imported)?.code == .directReferenceToImport)
    #expect(refusal(bytes, relocation(.plt32, 1), .cell(place))?.code == .unsupportedRelocation)
    #expect(refusal(bytes, relocation(.plt32, 1), .threadOffset(0))?.detail?.contains("thread-local") == true)
    #expect(refusal(bytes, relocation(.tpOff32, 1), .address(place))?.code == .unsupportedRelocation)
    #expect(refusal(bytes, relocation(.plt32, 1), .absolute(5))?.code == .relocationOutOfRange)
  }

  @Test("an error of the resolver passes through with the name that it has")
  func resolverFails() {
    let error = #expect(throws: LinkError.self) {
      try X86Relocator.relocate(
        bytes: [0xe8, 0, 0, 0, 0], relocations: [relocation(.plt32, 1)], at: place, isPositionIndependent: true,
        symbolName: { _ in "other" },
        resolve: { (_, _) throws(LinkError) in throw LinkError(.undefinedSymbol, symbol: "mine") })
    }
    #expect(error?.symbol == "mine")
  }

  @Test("hostile relocations are refused or done, never fatal", arguments: [11, 12, 13, 14] as [UInt64])
  func hostile(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var done = 0
    for _ in 0..<2000 {
      let bytes = HostileAtom.bytes(using: &random)
      let relocations = HostileAtom.relocations(for: bytes, using: &random)
      let value = HostileAtom.value(using: &random)
      let atom = try? relocate(bytes, relocations, value, slides: .random(using: &random))
      guard let atom else { continue }
      done += 1
      #expect(atom.bytes.count == bytes.count)
      #expect(atom.fixups.allSatisfy { Int($0.offset) + $0.byteCount <= bytes.count })
    }
    #expect(done > 0)
  }
}

/// Atoms made of the pieces that recognition looks for, in no sensible order.
enum HostileAtom {
  private static let pieces: [[UInt8]] = [
    [0x66, 0x48, 0x8d, 0x3d], [0x66, 0x66, 0x48, 0xe8], [0x66, 0x48, 0xff, 0x15], [0x48, 0x8d, 0x3d], [0xe8],
    [0xff, 0x15], [0xff, 0x25], [0x48, 0x8b, 0x05], [0x4c, 0x03, 0x25], [0x48, 0x8d, 0x05], [0xff, 0x10],
    [0x48, 0x3b, 0x05], [0, 0, 0, 0], [0, 0, 0, 0],
  ]

  static func bytes(using random: inout SeededGenerator) -> [UInt8] {
    (0..<Int.random(in: 0..<6, using: &random)).flatMap { _ in pieces.randomElement(using: &random) ?? [] }
  }

  static func relocations(for bytes: [UInt8], using random: inout SeededGenerator) -> [AtomRelocation] {
    (0..<Int.random(in: 0..<4, using: &random)).map { _ in
      AtomRelocation(
        offset: Int.random(in: -5...bytes.count + 5, using: &random), type: .random(in: 0...52, using: &random),
        symbol: 0, addend: [-4, 0, .min, .max].randomElement(using: &random) ?? 0)
    }
  }

  static func value(using random: inout SeededGenerator) -> FixupValue {
    let address = VirtualAddress([0, 0x40_0100, .max, 1 << 40].randomElement(using: &random) ?? 0)
    let values: [FixupValue] = [
      .address(address), .cell(address), .threadOffset(Int64(bitPattern: address.rawValue)), .size(address.rawValue),
      .absolute(address.rawValue), .imported,
    ]
    return values.randomElement(using: &random) ?? .imported
  }
}
