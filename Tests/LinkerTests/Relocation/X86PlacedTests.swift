import Addressing
import Testing

@testable import Linker

@Suite struct X86PlacedTests {
  private let place = VirtualAddress(0x40_0000)

  private func relocation(_ type: X86Relocation, _ offset: Int, _ addend: Int64 = -4) -> AtomRelocation {
    AtomRelocation(offset: offset, type: type.rawValue, symbol: 0, addend: addend)
  }

  private func match(
    _ object: [UInt8], _ relocations: [AtomRelocation], _ placed: [UInt8]
  ) -> [PlacedReference]? {
    X86Placed.match(object: object, relocations: relocations, placed: placed, at: place)?.references
  }

  @Test("a byte that no relocation explains, or another length, is no match")
  func differs() {
    let object: [UInt8] = [0xe8, 0, 0, 0, 0, 0xc3]
    let call = [relocation(.plt32, 1)]
    #expect(match(object, call, [0xe8, 0, 1, 0, 0, 0xc3]) == [.address(VirtualAddress(0x40_0105))])
    #expect(match(object, call, [0xe8, 0, 1, 0, 0, 0xc2]) == nil)
    #expect(match(object, call, [0xe9, 0, 1, 0, 0, 0xc3]) == nil)
    #expect(match(object, call, [0xe8, 0, 1, 0, 0]) == nil)
    #expect(match(object, [], [0xe8, 0, 1, 0, 0, 0xc3]) == nil)
    #expect(match([], [], []) == [])
  }

  @Test("every form that linkers give a load from the GOT names the same symbol")
  func gotLoads() {
    let target = PlacedReference.address(VirtualAddress(0x40_2000))
    let load: [UInt8] = [0x4c, 0x8b, 0x05, 0, 0, 0, 0]
    let relocations = [relocation(.rexGotPCRelX, 3)]
    #expect(match(load, relocations, [0x4c, 0x8d, 0x05, 0xf9, 0x1f, 0, 0]) == [target])
    #expect(match(load, relocations, [0x49, 0xc7, 0xc0, 0, 0x20, 0x40, 0]) == [target])
    #expect(match(load, relocations, [0x4c, 0x8b, 0x05, 0xf9, 0x1f, 0, 0]) == [.cell(VirtualAddress(0x40_2000))])
    // Another register is another instruction.
    #expect(match(load, relocations, [0x4c, 0x8d, 0x0d, 0xf9, 0x1f, 0, 0]) == nil)
    #expect(match(load, relocations, [0x48, 0xc7, 0xc0, 0, 0x20, 0x40, 0]) == nil)
    let call = [relocation(.gotPCRelX, 2)]
    let forms: [[UInt8]] = [
      [0x67, 0xe8, 0xfa, 0x1f, 0, 0], [0x90, 0xe8, 0xfa, 0x1f, 0, 0], [0xe8, 0xfb, 0x1f, 0, 0, 0x90],
    ]
    for placed in forms { #expect(match([0xff, 0x15, 0, 0, 0, 0], call, placed) == [target]) }
    #expect(match([0xff, 0x25, 0, 0, 0, 0], call, [0xe9, 0xfb, 0x1f, 0, 0, 0x90]) == [target])
    #expect(match([0xff, 0x25, 0, 0, 0, 0], call, [0xe8, 0xfb, 0x1f, 0, 0, 0x90]) == nil)
    let compare: [UInt8] = [0x48, 0x39, 0x05, 0, 0, 0, 0]
    #expect(match(compare, relocations, [0x48, 0x81, 0xf8, 0, 0x20, 0x40, 0]) == nil)
  }

  @Test("the addend is taken off: references to one symbol agree whatever they add")
  func addends() {
    let symbol = PlacedReference.address(VirtualAddress(0x40_2000))
    let field: [UInt8] = [0, 0, 0, 0]
    #expect(match(field, [relocation(.pc32, 0, 12)], [0x0c, 0x20, 0, 0]) == [symbol])
    #expect(match(field, [relocation(.direct32, 0, 8)], [8, 0x20, 0x40, 0]) == [symbol])
    #expect(match(field, [relocation(.direct32S, 0, -8)], [0xf8, 0x1f, 0x40, 0]) == [symbol])
    #expect(match(field, [relocation(.tpOff32, 0, 4)], [0xfc, 0xff, 0xff, 0xff]) == [.threadOffset(-8)])
    #expect(match(field, [relocation(.size32, 0, 1)], [9, 0, 0, 0]) == [.absolute(8)])
    #expect(match(field, [relocation(.dtpOff32, 0, 0)], [9, 0, 0, 0]) == [.moduleOffset(9)])
    #expect(match(field, [relocation(.dtpOff32, 0, 0)], [0xff, 0xff, 0xff, 0xff]) == [.threadOffset(-1)])
    #expect(
      match(field + field, [relocation(.direct64, 0, 8)], [1, 2, 0, 0, 0, 0, 0, 0x80]) == [.absolute(1 << 63 | 0x201)])
  }

  @Test("mold's local-dynamic form tells how the offsets in the same atom are to be read")
  func blockDistance() {
    let object: [UInt8] = [0x48, 0x8d, 0x3d, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0, 0x8b, 0x80, 0, 0, 0, 0]
    let relocations = [relocation(.tlsLD, 3), relocation(.plt32, 8), relocation(.dtpOff32, 14, 0)]
    let mold: [UInt8] = [0x31, 0xc0, 0x64, 0x48, 0x8b, 0x00, 0x48, 0x2d, 0x20, 0, 0, 0, 0x8b, 0x80, 4, 0, 0, 0]
    #expect(match(object, relocations, mold) == [.consumed, .consumed, .threadOffset(-28)])
    let kept: [UInt8] = [0x48, 0x8d, 0x3d, 0x10, 0, 0, 0, 0xe8, 0, 1, 0, 0, 0x8b, 0x80, 4, 0, 0, 0]
    #expect(
      match(object, relocations, kept) == [
        .threadDescriptor(VirtualAddress(0x40_0017)), .address(VirtualAddress(0x40_010c)), .moduleOffset(4),
      ])
  }

  @Test("kinds that cannot be read back are not compared, and say so")
  func opaque() {
    let object: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0]
    #expect(match(object, [relocation(.gotOff64, 0)], [1, 2, 3, 4, 5, 6, 7, 8]) == [.opaque])
    let unknown = AtomRelocation(offset: 0, type: 99, symbol: 0, addend: 0)
    #expect(match(object, [unknown], object) == [.opaque])
    #expect(match(object, [relocation(.pc32, 6)], object) == [.opaque])
  }

  @Test("hostile relocations never make different bytes a match", arguments: [21, 22, 23, 24] as [UInt64])
  func hostile(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2000 {
      let bytes = HostileAtom.bytes(using: &random)
      let relocations = HostileAtom.relocations(for: bytes, using: &random)
      let own = match(bytes, relocations, bytes)
      #expect(own?.count == relocations.count)
      // A byte that no relocation can reach: none of the forms begins more than 4 before a field or ends 13 behind it.
      let free = bytes.indices.first { index in
        relocations.allSatisfy { index < $0.offset - 4 || index >= $0.offset + 13 }
      }
      guard let free else { continue }
      var other = bytes
      other[free] ^= 1
      #expect(match(bytes, relocations, other) == nil)
    }
  }
}
