import Addressing
import Journal
import Testing

@testable import Linker

/// Fields of arm64 instructions: what is written, what is read back, what linkers made of a sequence, what is refused.
@Suite struct ARM64RelocationTests {
  private let machine = ARM64Machine()
  private let place = VirtualAddress(0x40_0ff0)
  private let target = VirtualAddress(0x2345_6788)

  private func code(_ words: UInt32...) -> [UInt8] { words.flatMap { ARM64Instruction($0).bytes } }

  private func relocations(_ types: (Int, ARM64Relocation)..., addend: Int64 = 0) -> [AtomRelocation] {
    types.map { AtomRelocation(offset: $0.0, type: $0.1.rawValue, symbol: 7, addend: addend) }
  }

  private func relocate(
    _ bytes: [UInt8], _ relocations: [AtomRelocation], slides: Bool = true, _ value: FixupValue
  ) throws -> RelocatedAtom {
    try Relocator(machine: machine, isPositionIndependent: slides).relocate(
      bytes: bytes, relocations: relocations, at: place, resolve: { (_, _) throws(LinkError) in value })
  }

  private func match(_ object: [UInt8], _ relocations: [AtomRelocation], _ placed: [UInt8]) -> [PlacedReference]? {
    machine.match(object: object, relocations: relocations, placed: placed, at: place, isCode: true)?.references
  }

  // MARK: Round trips

  private static let accesses: [(ARM64Relocation, UInt32)] = [
    (.addAbsLo12NC, 0x9100_0021), (.ldst8AbsLo12NC, 0x3940_0021), (.ldst16AbsLo12NC, 0x7940_0021),
    (.ldst32AbsLo12NC, 0xb940_0021), (.ldst64AbsLo12NC, 0xf940_0021), (.ldst128AbsLo12NC, 0x3dc0_0021),
  ]

  @Test("a pair tells the whole address that was written, addend taken off", arguments: 0..<accesses.count)
  func pairs(_ index: Int) throws {
    let (type, word) = Self.accesses[index]
    let object = code(0x9000_0001, word)
    let target = VirtualAddress(0x2345_6780)
    let relocations = relocations((0, .adrPRelPgHi21), (4, type), addend: 0x10)
    let atom = try relocate(object, relocations, .address(target))
    #expect(match(object, relocations, atom.bytes) == [.address(target), .address(target)])
    let body = try Disassembler(.arm64).decode(atom.bytes, at: place)
    #expect(body.references.map(\.target) == [target.displaced(by: 0x10)])
    #expect(atom.fixups.map(\.kind) == [.arm64Page21, .arm64PageOffset12])
  }

  @Test("what a load's size does not divide is refused")
  func misaligned() throws {
    let relocations = relocations((0, .ldst64AbsLo12NC))
    let error = #expect(throws: LinkError.self) {
      try relocate(code(0xf940_0021), relocations, .address(VirtualAddress(0x1_0004)))
    }
    #expect(error?.code == .relocationOutOfRange)
  }

  @Test("branches go both ways up to their reach", arguments: [-(1 << 27), -4, 4, 1 << 27 - 4] as [Int64])
  func branches(_ distance: Int64) throws {
    let object = code(0x9400_0000)
    let relocations = relocations((0, .call26))
    let target = VirtualAddress(0x4000_0000)
    let atom = try Relocator(machine: machine, isPositionIndependent: true).relocate(
      bytes: object, relocations: relocations, at: target.displaced(by: 0 - distance),
      resolve: { (_, _) throws(LinkError) in .address(target) })
    let found = machine.match(
      object: object, relocations: relocations, placed: atom.bytes, at: target.displaced(by: 0 - distance), isCode: true
    )
    #expect(found?.references == [.address(target)])
    let beyond = #expect(throws: LinkError.self) {
      try Relocator(machine: machine, isPositionIndependent: true).relocate(
        bytes: object, relocations: relocations,
        at: target.displaced(by: 0 - distance * 2 - distance.signum() * (1 << 27)),
        resolve: { (_, _) throws(LinkError) in .address(target) })
    }
    #expect(beyond?.code == .relocationOutOfRange)
  }

  @Test("words of data are pointers, numbers or distances")
  func words() throws {
    let bytes = [UInt8](repeating: 0, count: 16)
    let pointer = try relocate(bytes, relocations((0, .abs64), addend: 8), .address(target))
    #expect(pointer.pointers.map(\.target) == [target.displaced(by: 8)])
    let distance = relocations((4, .prel32))
    let atom = try relocate(bytes, distance, .address(VirtualAddress(0x41_0000)))
    #expect(match(bytes, distance, atom.bytes) == [.address(VirtualAddress(0x41_0000))])
    #expect(throws: LinkError.self) { try relocate(bytes, relocations((0, .abs32)), .address(target)) }
  }

  // MARK: Cells and thread-local variables

  @Test("a load from a cell stays one, or becomes the address where that is known")
  func cells() throws {
    let object = code(0x9000_0000, 0xf940_0000)
    let relocations = relocations((0, .adrGotPage), (4, .ld64GotLo12NC))
    #expect(
      machine.plan(relocations, bytes: object, isCode: true).needs
        == [.gotCell(isRelaxable: true), .gotCell(isRelaxable: true)])
    let kept = try relocate(object, relocations, .cell(target))
    #expect(match(object, relocations, kept.bytes) == [.cell(target), .cell(target)])
    let relaxed = try relocate(object, relocations, .address(target))
    #expect(ARM64Instruction(relaxed.bytes, at: 4)?.isAdd == true)
    #expect(match(object, relocations, relaxed.bytes) == [.address(target), .address(target)])
    let missing = try relocate(object, relocations, .absolute(0))
    #expect(match(object, relocations, missing.bytes) == [.absolute(0), .absolute(0)])
  }

  @Test("a cell that is read in another way stays a cell")
  func keptCells() {
    let object = code(0x9000_0000, 0xb940_0000)
    let relocations = relocations((0, .adrGotPage), (4, .ld64GotLo12NC))
    #expect(
      machine.plan(relocations, bytes: object, isCode: true).needs
        == [.gotCell(isRelaxable: false), .gotCell(isRelaxable: false)])
  }

  /// adrp x0, page; ldr x1, [x0, first]; ldr x2, [x0, second]; ldr x0, [x0, first]
  private var table: (object: [UInt8], relocations: [AtomRelocation]) {
    var relocations = relocations(
      (0, .offsetTablePage), (4, .ld64GotPageLo15), (8, .ld64GotPageLo15), (12, .ld64GotPageLo15))
    relocations[2].symbol = 8
    relocations[0].symbol = 9
    return (code(0x9000_0000, 0xf940_0001, 0xf940_0002, 0xf940_0000), relocations)
  }

  @Test("cells are read by their distance from a page that the atom itself takes")
  func cellOffsets() throws {
    let (object, relocations) = table
    #expect(
      machine.plan(relocations, bytes: object, isCode: true).needs
        == [.cellPage, .cellOffset, .cellOffset, .cellOffset])
    let page = VirtualAddress(0x2345_6000)
    func relocate(_ first: UInt64, _ second: UInt64) throws -> RelocatedAtom {
      try Relocator(machine: machine, isPositionIndependent: true).relocate(
        bytes: object, relocations: relocations, at: place,
        resolve: { (relocation, need) throws(LinkError) in
          need == .cellPage ? .address(page) : .cellOffset(relocation.symbol == 7 ? first : second)
        })
    }
    let atom = try relocate(0x788, 0x7ff8)
    let (near, far) = (page.displaced(by: 0x788), page.displaced(by: 0x7ff8))
    #expect(match(object, relocations, atom.bytes) == [.consumed, .cell(near), .cell(far), .cell(near)])
    #expect(atom.fixups.map(\.kind) == [.arm64Page21])
    for beyond in [0x8000, 0x784, UInt64.max - 7] {
      let error = #expect(throws: LinkError.self) { try relocate(8, beyond) }
      #expect(error?.code == .relocationOutOfRange)
    }
    // Another distance in the last of the loads, which is of the same symbol as the first.
    var other = atom.bytes
    other.put32(0xf940_0400, at: 12)
    #expect(match(object, relocations, other) == nil)
  }

  @Test("distances from a page that another atom takes, or that something is added to, are refused")
  func strangeOffsets() {
    let (object, relocations) = table
    func needs(_ relocations: [AtomRelocation]) -> [FixupNeed] {
      machine.plan(relocations, bytes: object, isCode: true).needs
    }
    #expect(needs(Array(relocations[1...2])) == [.refused(.gotBase), .refused(.gotBase)])
    #expect(needs([relocations[0]]) == [.refused(.gotBase)])
    var displaced = relocations
    displaced[0].addend = 8
    displaced[1].addend = 8
    #expect(needs(displaced).prefix(2) == [.refused(.gotBase), .refused(.gotBase)])
    let narrow = code(0x9000_0000, 0xb940_0001, 0xf940_0002, 0xf940_0000)
    #expect(machine.plan(relocations, bytes: narrow, isCode: true).needs[1] == .refused(.unknownSequence))
    #expect(match(object, Array(relocations[1...2]), object) == [.opaque, .opaque])
  }

  @Test("an offset from the thread pointer takes the place of every sequence that would look it up")
  func threadLocals() throws {
    let sequences: [([UInt8], [AtomRelocation])] = [
      (
        code(0x9140_0000, 0x9100_0000), relocations((0, .tlsLEAddTPRelHi12), (4, .tlsLEAddTPRelLo12NC))
      ),
      (
        code(0x9000_0001, 0xf940_0021),
        relocations((0, .tlsIEAdrGotTPRelPage21), (4, .tlsIELd64GotTPRelLo12NC))
      ),
      (
        code(0x9000_0000, 0xf940_0001, 0x9100_0000, 0xd63f_0020),
        relocations((0, .tlsDescAdrPage21), (4, .tlsDescLd64Lo12), (8, .tlsDescAddLo12), (12, .tlsDescCall))
      ),
    ]
    for (object, relocations) in sequences {
      let atom = try relocate(object, relocations, .threadOffset(0x12_3458))
      let references = match(object, relocations, atom.bytes)
      #expect(references?.prefix(2) == [.threadOffset(0x12_3458), .threadOffset(0x12_3458)])
      #expect(throws: LinkError.self) { try relocate(object, relocations, .threadOffset(-1)) }
    }
  }

  /// adrp x0; add x0, x0; bl __tls_get_addr; nop
  private var threadCall: (object: [UInt8], relocations: [AtomRelocation]) {
    (
      code(0x9000_0000, 0x9100_0000, 0x9400_0000, 0xd503_201f),
      relocations((0, .tlsGDAdrPage21), (4, .tlsGDAddLo12NC)) + [
        AtomRelocation(offset: 8, type: ARM64Relocation.call26.rawValue, symbol: 9, addend: 0)
      ]
    )
  }

  @Test("a call of __tls_get_addr becomes the sum of the offset and the thread pointer")
  func threadCalls() throws {
    let (object, relocations) = threadCall
    let needs = machine.plan(relocations, bytes: object, isCode: true).needs
    #expect(needs == [.generalDynamic, .generalDynamic, .nothing])
    let atom = try relocate(object, relocations, .threadOffset(0x12_3458))
    #expect(atom.bytes == code(0xd2a0_0240, 0xf286_8b00, 0xd53b_d041, 0x8b00_0020))
    #expect(match(object, relocations, atom.bytes) == [.threadOffset(0x12_3458), .consumed, .consumed])
    #expect(throws: LinkError.self) { try relocate(object, relocations, .cell(target)) }
  }

  @Test("what linkers make of a call of __tls_get_addr is known")
  func placedThreadCalls() {
    let (object, relocations) = threadCall
    // gold: mrs x0, tpidr_el0; add x0, x0, #1, lsl 12; add x0, x0, #0x14; nop
    let gold = code(0xd53b_d040, 0x9140_0400, 0x9100_5000, 0xd503_201f)
    #expect(match(object, relocations, gold) == [.threadOffset(0x1014), .consumed, .consumed])
    // adrp x0, +1; ldr x0, [x0, #0x18]; mrs x1, tpidr_el0; add x0, x1, x0
    let cell = code(0xb000_0000, 0xf940_0c00, 0xd53b_d041, 0x8b00_0020)
    #expect(match(object, relocations, cell) == [.threadCell(VirtualAddress(0x40_1018)), .consumed, .consumed])
    // mold leaves it: adrp x0, +1; add x0, x0, #0x18; bl +8; nop
    let kept = code(0xb000_0000, 0x9100_6000, 0x9400_0002, 0xd503_201f)
    let pair = VirtualAddress(0x40_1018)
    #expect(
      match(object, relocations, kept) == [.threadDescriptor(pair), .consumed, .address(place.displaced(by: 16))])
    #expect(match(object, relocations, code(0xd2a0_0240, 0xf286_8b00, 0xd53b_d042, 0x8b00_0020)) == nil)
  }

  @Test("a call of __tls_get_addr that is not whole is refused")
  func partialThreadCalls() {
    let (object, relocations) = threadCall
    let others = [
      (code(0x9000_0000, 0x9100_0000, 0x9400_0000, 0xd65f_03c0), relocations),
      (code(0x9000_0001, 0x9100_0021, 0x9400_0000, 0xd503_201f), relocations),
      (Array(object.prefix(12)), relocations), (object, Array(relocations.prefix(2))),
    ]
    for (bytes, relocations) in others {
      #expect(machine.plan(relocations, bytes: bytes, isCode: true).needs.first == .refused(.unknownSequence))
    }
  }

  // MARK: What linkers make of it

  @Test("a pair that lld has made a nop and an adr tells the same address")
  func relaxedPair() {
    let object = code(0x9000_0001, 0x9100_0021)
    let relocations = relocations((0, .adrPRelPgHi21), (4, .addAbsLo12NC))
    // nop; adr x1, +0x20
    let placed = code(0xd503_201f, 0x1000_0101)
    let wanted = PlacedReference.address(place.displaced(by: 4 + 0x20))
    #expect(match(object, relocations, placed) == [wanted, wanted])
    #expect(match(object, relocations, code(0xd503_201f, 0x1000_0102)) == nil, "another register")
  }

  @Test("other instructions, other registers and contradictions are no match")
  func mismatches() throws {
    let object = code(0x9000_0001, 0x9100_0021)
    let pair = relocations((0, .adrPRelPgHi21), (4, .addAbsLo12NC))
    #expect(match(object, pair, code(0x9000_0002, 0x9100_0021)) == nil)
    #expect(match(object, pair, code(0x9000_0001, 0x9100_0041)) == nil)
    #expect(match(object, pair, code(0x9000_0001, 0xf940_0021)) == nil)
    #expect(match(object, pair, code(0x9000_0001)) == nil)
    let twice = relocations((0, .adrPRelPgHi21), (4, .adrPRelPgHi21))
    #expect(match(code(0x9000_0001, 0x9000_0001), twice, code(0x9000_0001, 0xb000_0001)) == nil)
  }

  @Test("an offset alone, without the page that it counts from, is not taken for an answer")
  func halves() {
    let object = code(0x9100_0021)
    #expect(match(object, relocations((0, .addAbsLo12NC)), object) == [.opaque])
  }

  // MARK: Refusals

  @Test("what is not handled is refused by name")
  func refusals() {
    let wanted: [(ARM64Relocation, RelocationRefusal)] = [
      (.tlsGDAdrPage21, .unknownSequence), (.tlsLDAddLo12NC, .threadCall), (.ld64GotPageLo15, .gotBase),
      (.gotLdPRel19, .gotBase), (.abs16, .narrowField), (.relative, .loaderOnly), (.adrPRelPgHi21, .unknownSequence),
      (.call26, .unknownSequence),
    ]
    for (type, refusal) in wanted {
      let needs = machine.plan(relocations((0, type)), bytes: code(0xd65f_03c0), isCode: true).needs
      #expect(needs == [.refused(refusal)], "\(type)")
    }
    let unknown = [AtomRelocation(offset: 0, type: 4711, symbol: 1, addend: 0)]
    #expect(machine.plan(unknown, bytes: code(0), isCode: true).needs == [.refused(.unknownType)])
    for offset in [-4, 1, 4, Int.max] {
      let needs = machine.plan(relocations((offset, .call26)), bytes: code(0x9400_0000), isCode: true).needs
      #expect(needs == [.refused(.outsideAtom)])
    }
    #expect(machine.name(ofRelocation: 283) == "R_AARCH64_CALL26")
    #expect(ARM64Relocation.allCases.allSatisfy { machine.name(ofRelocation: $0.rawValue).hasPrefix("R_AARCH64_") })
  }

  @Test("random bytes and relocations never trap", arguments: [1, 2, 3] as [UInt64])
  func random(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2000 {
      let bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      let relocations = (0..<Int.random(in: 0..<5, using: &random)).map { _ in
        AtomRelocation(
          offset: Int.random(in: -8..<48, using: &random),
          type: ARM64Relocation.allCases.randomElement(using: &random)?.rawValue ?? 0,
          symbol: Int.random(in: 0..<2, using: &random), addend: Int64.random(in: .min ... .max, using: &random))
      }
      let value: [FixupValue] = [
        .address(VirtualAddress(.random(in: 0...(.max), using: &random))), .cell(VirtualAddress(0x1000)),
        .threadOffset(.random(in: .min ... .max, using: &random)), .absolute(0), .imported,
      ]
      let chosen = value.randomElement(using: &random) ?? .imported
      let atom = try? relocate(bytes, relocations, chosen)
      #expect(atom.map { $0.bytes.count == bytes.count } ?? true)
      _ = match(bytes, relocations, bytes)
    }
  }
}
