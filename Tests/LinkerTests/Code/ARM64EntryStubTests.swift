import Addressing
import Testing

@testable import Linker

/// What takes the place of a function's first instructions on arm64, and what stands in the arena for it.
@Suite struct ARM64EntryStubTests {
  private let machine = ARM64Machine()
  private let entry = VirtualAddress(0x1_0744)
  private let islands = AddressRange(start: VirtualAddress(0x400_0000), byteCount: 0x10_0000)
  private let plain: [UInt8] = [0xfd, 0x7b, 0xbf, 0xa9]

  private func kind(_ code: [UInt8], _ room: Int, _ islands: AddressRange? = nil) -> ARM64EntryStub? {
    ARM64EntryStub.kind(for: code, room: room, at: entry, islands: islands ?? self.islands)
  }

  @Test("the longest stub that fits is taken, with the landing pad that the function had")
  func choice() {
    #expect(kind(plain, 12) == .cellJump)
    #expect(kind(plain, 11) == .islandJump)
    #expect(kind(plain, 3) == nil)
    // bti c · bti jc · paciasp · pacibsp
    for pad: [UInt8] in [[0x5f, 0x24], [0xdf, 0x24], [0x3f, 0x23], [0x7f, 0x23]] {
      #expect(kind(pad + [0x03, 0xd5], 16) == .guardedCellJump)
      #expect(kind(pad + [0x03, 0xd5], 12) == .guardedIslandJump)
      #expect(kind(pad + [0x03, 0xd5], 7) == nil)
    }
  }

  @Test("a branch to an island is no choice where it does not reach all of them")
  func reach() {
    let end = entry.rawValue + (1 << 27)
    #expect(kind(plain, 4, AddressRange(start: VirtualAddress(end - 0x1000), byteCount: 0xffc)) == .islandJump)
    #expect(kind(plain, 4, AddressRange(start: VirtualAddress(end - 0x1000), byteCount: 0x1000)) == nil)
    #expect(kind(plain, 12, AddressRange(start: VirtualAddress(end), byteCount: 0x1000)) == .cellJump)
    #expect(throws: LinkError.self) { try ARM64EntryStub.islandJump.encode(at: entry, to: VirtualAddress(end)) }
    #expect(throws: LinkError.self) { try ARM64EntryStub.cellJump.encode(at: entry, to: VirtualAddress(1 << 33)) }
  }

  @Test("every stub decodes to a jump to its destination", arguments: ARM64EntryStub.allCases)
  func encode(_ stub: ARM64EntryStub) throws {
    let destination = VirtualAddress(0x412_3458)
    let encoded = try stub.encode(at: entry, to: destination)
    #expect(encoded.bytes.count == stub.byteCount)
    let isGuarded = stub == .guardedCellJump || stub == .guardedIslandJump
    #expect((ARM64Instruction(encoded.bytes, at: 0) == .landingPad) == isGuarded)
    let body = try Disassembler(.arm64).decode(encoded.bytes, at: entry)
    #expect(body.isComplete)
    let isIsland = stub.needsIsland
    #expect(body.instructions.last?.flow == (isIsland ? .jump(destination) : .jump(nil)))
    #expect(body.references.filter { $0.kind != .immediate }.map(\.target) == [destination])
    #expect(machine.cell(ofCallStub: encoded.bytes, at: entry) == (isIsland ? nil : destination))
  }

  @Test("a slot leads through its cell, whose address it leaves in x16")
  func slot() throws {
    let cell = VirtualAddress(0x584_0008)
    let slot = try machine.slot(at: VirtualAddress(0x400_0ffc), cell: cell)
    #expect(slot.bytes.count == machine.slotByteCount)
    #expect(machine.cell(ofCallStub: slot.bytes, at: VirtualAddress(0x400_0ffc)) == cell)
    let lines = try Disassembler(.arm64).listing(slot.bytes, at: VirtualAddress(0x400_0ffc)).map(\.text)
    #expect(
      lines == ["hint #0x22", "adrp x16, #0x5840000", "ldr x17, [x16, #8]", "add x16, x16, #8", "br x17"])
  }

  @Test("a veneer goes on to its target, near and far, and other code is none")
  func veneer() throws {
    for target: UInt64 in [0x1_0744, 0xf000_0abc, 0x400_0004] {
      let place = VirtualAddress(0x400_0ff0)
      let veneer = try machine.veneer(at: place, to: VirtualAddress(target))
      #expect(machine.target(ofVeneer: veneer.bytes, at: place) == VirtualAddress(target))
      #expect(machine.cell(ofCallStub: veneer.bytes, at: place) == nil)
    }
    let slot = try machine.slot(at: entry, cell: VirtualAddress(0x584_0008))
    #expect(machine.target(ofVeneer: slot.bytes, at: entry) == nil)
    #expect(machine.target(ofVeneer: [], at: entry) == nil)
  }

  @Test("nops and zeroes are padding, whole instructions only")
  func padding() {
    let nop = ARM64Instruction.nop.bytes
    #expect(machine.padding(in: nop + [0, 0, 0, 0] + nop + plain) == 12)
    #expect(machine.padding(in: nop + nop.prefix(3)) == 4)
    #expect(machine.padding(in: plain) == 0)
    #expect(machine.padding(in: []) == 0)
  }
}
