import Addressing
import Testing

@testable import Linker

@Suite struct JumpTableTests {
  private let body = AddressRange(start: VirtualAddress(0x1000), byteCount: 0x100)

  @Test("relative entries are added to the table's start, and the first that leaves the body ends it")
  func relative() {
    // 0x2000 − 0x1000 = 0x1000 back, then 0x1010, then far away.
    let bytes: [UInt8] = [0, 0xf0, 0xff, 0xff, 0x10, 0xf0, 0xff, 0xff, 0, 0, 0, 0, 0x20, 0xf0, 0xff, 0xff]
    let targets = JumpTable.targets(bytes: bytes, base: VirtualAddress(0x2000), entry: .relative32, within: body)
    #expect(targets == [VirtualAddress(0x1000), VirtualAddress(0x1010)])
  }

  @Test("absolute entries are addresses, and a cut one is none")
  func absolute() {
    let bytes: [UInt8] = [0x08, 0x10, 0, 0, 0, 0, 0, 0, 0xff, 0x10, 0, 0, 0, 0, 0, 0, 0x10, 0x10, 0]
    let targets = JumpTable.targets(bytes: bytes, base: VirtualAddress(0x2000), entry: .absolute64, within: body)
    #expect(targets == [VirtualAddress(0x1008), VirtualAddress(0x10ff)])
  }
}
