import Addressing
import Journal
import Testing

@testable import Linker

@Suite struct X86EntryStubTests {
  private let entry = VirtualAddress(0x401000)
  private let cell = VirtualAddress(0x602010)

  @Test("the stub is chosen by the room and by whether the entry begins with endbr64")
  func kind() {
    let plain: [UInt8] = [0x55, 0x48, 0x89, 0xe5]
    let guarded = X86EntryStub.landingPad + [0x55]
    #expect(X86EntryStub.kind(for: plain, room: 6) == .cellJump)
    #expect(X86EntryStub.kind(for: plain, room: 5) == .islandJump)
    #expect(X86EntryStub.kind(for: plain, room: 4) == nil)
    #expect(X86EntryStub.kind(for: guarded, room: 10) == .guardedCellJump)
    #expect(X86EntryStub.kind(for: guarded, room: 9) == .guardedIslandJump)
    #expect(X86EntryStub.kind(for: guarded, room: 8) == nil)
    #expect(X86EntryStub.kind(for: [], room: 16) == .cellJump)
  }

  @Test(
    "every stub decodes to a jump to its destination, and its fixup says the same", arguments: X86EntryStub.allCases)
  func encode(_ kind: X86EntryStub) throws {
    let stub = try kind.encode(at: entry, to: cell)
    #expect(stub.bytes.count == kind.byteCount)
    let fixup = try #require(stub.fixups.first)
    #expect(stub.fixups.count == 1)
    #expect(Array(stub.bytes[Int(fixup.offset)...]) == fixup.fieldBytes(in: entry))
    let body = try Disassembler(.x86_64).decode(stub.bytes, at: entry)
    #expect(body.isComplete)
    let jump = try #require(body.instructions.last)
    if kind.needsIsland {
      #expect(jump.flow == .jump(cell))
    } else {
      #expect(jump.flow == .jump(nil))
      #expect(jump.references.map(\.target) == [cell])
    }
    let isGuarded = kind == .guardedCellJump || kind == .guardedIslandJump
    #expect(stub.bytes.stands(X86EntryStub.landingPad, at: 0) == isGuarded)
  }

  @Test("a slot of the arena fills 16 bytes with whole instructions")
  func slot() throws {
    let stub = try X86EntryStub.slot(at: entry, cell: cell)
    #expect(stub.bytes.count == X86EntryStub.slotByteCount)
    let body = try Disassembler(.x86_64).decode(stub.bytes, at: entry)
    #expect(body.isComplete)
    #expect(body.instructions.count == 3)
    #expect(body.references.map(\.target) == [cell])
  }

  @Test("a destination out of reach is refused with both addresses")
  func outOfReach() throws {
    let error = #expect(throws: LinkError.self) {
      try X86EntryStub.cellJump.encode(at: entry, to: VirtualAddress(1 << 40))
    }
    #expect(error?.code == .relocationOutOfRange)
    #expect(error?.detail?.contains("0x10000000000") == true)
  }

  @Test(
    "what assemblers and linkers put between functions is padding",
    arguments: [
      [0x90], [0x66, 0x90], [0x0f, 0x1f, 0x00], [0x0f, 0x1f, 0x40, 0x00], [0x0f, 0x1f, 0x44, 0x00, 0x00],
      [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00], [0x0f, 0x1f, 0x80, 0, 0, 0, 0], [0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
      [0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0], [0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
      [0xcc, 0xcc], [0, 0, 0],
    ] as [[UInt8]])
  func padding(_ nop: [UInt8]) {
    #expect(X86EntryStub.padding(in: nop + [0xc3]) == nop.count)
    #expect(X86EntryStub.padding(in: nop + nop + [0x55, 0x90]) == 2 * nop.count)
    #expect(X86EntryStub.padding(in: [0xc3] + nop) == 0)
  }

  @Test("a nop that is cut short is not padding")
  func cutNop() {
    #expect(X86EntryStub.padding(in: [0x90, 0x0f, 0x1f, 0x84, 0, 0]) == 1)
    #expect(X86EntryStub.padding(in: [0x66, 0x66]) == 0)
    #expect(X86EntryStub.padding(in: []) == 0)
  }
}
