import Addressing
import ObjectFile
import Testing

@testable import Applier

@Suite struct FramedCodeTests {
  private static func range(_ start: UInt64, _ byteCount: UInt64) throws -> RuntimeRange {
    try #require(RuntimeRange(start: RuntimeAddress(rawValue: start), byteCount: byteCount))
  }

  private static let code: [UInt64: [UInt8]] = [
    0x1000: [0x55, 0x48, 0x8b, 0xec], 0x1100: [0x55, 0x48, 0x89, 0xe5], 0x1200: [0x48, 0x83, 0xec, 0x08],
  ]

  private static func read(_ address: UInt64, _ count: Int) -> [UInt8]? { code[address] }

  @Test func `a function that begins by keeping a frame pointer is known past its first instructions`() throws {
    let framed = FramedCode(functions: [try Self.range(0x1000, 0x80), try Self.range(0x1100, 0x80)])
    #expect(framed.function(holding: 0x1004, Self.read) == 0x1000..<0x1080)
    #expect(framed.function(holding: 0x1150, Self.read) == 0x1100..<0x1180)
    #expect(framed.function(holding: 0x1003, Self.read) == nil)
    #expect(framed.function(holding: 0x1080, Self.read) == nil)
  }

  @Test func `a function without a frame pointer, and one of two that overlap, are not known`() throws {
    let plain = FramedCode(functions: [try Self.range(0x1200, 0x80)])
    #expect(plain.function(holding: 0x1210, Self.read) == nil)
    let both = FramedCode(functions: [try Self.range(0x1000, 0x200), try Self.range(0x1100, 0x80)])
    #expect(both.function(holding: 0x1120, Self.read) == nil)
  }

  @Test func `the function at the entry point has no caller`() throws {
    let framed = FramedCode(functions: [try Self.range(0x1200, 0x80)], entryPoint: 0x1200)
    #expect(framed.function(holding: 0x1210, Self.read) == 0x1200..<0x1280)
    #expect(FramedCode.rules(isOutermost: true).rules[16] == .undefined)
    #expect(FramedCode.rules(isOutermost: false).rules[16] == .stored(-8))
  }
}
