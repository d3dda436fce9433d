import Journal
import Testing

@testable import Applier

struct ForeignCodeTests {
  private func look(
    _ found: [UInt8], _ expected: [UInt8], at index: Int = 0, _ architecture: BaseImage.Architecture = .x86_64
  ) -> ForeignCode? { ForeignCode(found: found, expected: expected, at: index, architecture) }

  @Test func `a byte 0xcc in otherwise expected code is a breakpoint`() {
    #expect(look([0x55, 0xcc, 0x89], [0x55, 0x48, 0x89], at: 1) == .breakpoint)
    #expect(look([0xcc, 0x48, 0xcc], [0x55, 0x48, 0x89]) == .breakpoint)
    #expect(look([0xcc, 0x48, 0x00], [0x55, 0x48, 0x89]) == nil)
  }

  @Test(arguments: [
    [0xe9, 1, 2, 3, 4, 0x90], [0xff, 0x25, 0, 0, 0, 0], [0x68, 1, 2, 3, 4, 0xc3],
    [0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xe0], [0x49, 0xbb, 1, 2, 3, 4, 5, 6, 7, 8, 0x41, 0xff, 0xe3],
  ])
  func `the jumps that hooks begin with are known`(found: [UInt8]) {
    #expect(look(found, [UInt8](repeating: 0x90, count: found.count)) == .hook)
  }

  @Test func `other bytes are nobody's in particular`() {
    #expect(look([0x56], [0x55]) == nil)
    #expect(look([], [0x55]) == nil)
    #expect(look([0x48, 0xb8], [0x55, 0x48]) == nil)
    #expect(look([0x68, 1, 2], [0x55, 0x48, 0x89]) == nil)
  }

  @Test func `on arm64 a brk is a breakpoint, and b and a load with br are hooks`() {
    let nothing: [UInt8] = [0x1f, 0x20, 0x03, 0xd5, 0x1f, 0x20, 0x03, 0xd5]
    #expect(look([0, 0, 0x20, 0xd4] + nothing.suffix(4), nothing, at: 0, .arm64) == .breakpoint)
    #expect(look(nothing.prefix(4) + [0x20, 0, 0x20, 0xd4], nothing, at: 6, .arm64) == .breakpoint)
    #expect(look([4, 0, 0, 0x14] + nothing.suffix(4), nothing, at: 0, .arm64) == .hook)
    #expect(look([0x50, 0, 0, 0x58, 0, 2, 0x1f, 0xd6], nothing, at: 0, .arm64) == .hook)
    #expect(look([1, 0, 0, 0] + nothing.suffix(4), nothing, at: 0, .arm64) == nil)
  }
}
