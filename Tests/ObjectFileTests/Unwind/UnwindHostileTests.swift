import Foundation
import Testing

@testable import ObjectFile

struct UnwindHostileTests {
  private static func files(_ folder: String) throws -> [[UInt8]] {
    let fuzz = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fuzz/\(folder)/unwind")
    guard FileManager.default.fileExists(atPath: fuzz.path) else { return [] }
    return try FileManager.default.contentsOfDirectory(at: fuzz, includingPropertiesForKeys: nil).map {
      Array(try Data(contentsOf: $0))
    }
  }

  @Test func `real unwind information has something to read`() throws {
    for bytes in try Self.files("Corpus") {
      var walk = UnwindWalk()
      walk.walk(bytes)
      #expect(walk.commonCount > 0)
      #expect(walk.ruleCount > 0)
    }
    #expect(try Self.files("Corpus").count > 2)
  }

  @Test func `every truncation and every changed byte ends without a trap`() throws {
    for bytes in try Self.files("Corpus") + Self.files("FailCases") {
      for count in stride(from: 0, to: bytes.count, by: 3) {
        var walk = UnwindWalk()
        walk.walk(Array(bytes[..<count]))
        var changed = bytes
        changed[count] = changed[count] &* 7 &+ 0x81
        walk.walk(changed)
      }
    }
  }

  @Test func `an expression that does not end has no value`() {
    var machine = UnwindExpression(register: { _ in nil }, load: { _ in nil })
    // DW_OP_skip −3.
    #expect(machine.value(of: [0x2f, 0xfd, 0xff], first: 1) == nil)
    // DW_OP_dup, again and again.
    #expect(machine.value(of: [0x12, 0x2f, 0xfc, 0xff], first: 1) == nil)
    // The stub's own expression of ld: rsp + 8 + ((rip & 15) >= 11) * 8, at the push and behind it.
    let stub: [UInt8] = [0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22]
    for (place, frame): (UInt64, UInt64) in [(0x1026, 0x7008), (0x102b, 0x7010)] {
      var machine = UnwindExpression(register: { $0 == 7 ? 0x7000 : $0 == 16 ? place : nil }, load: { _ in nil })
      #expect(machine.value(of: stub, first: nil) == frame)
    }
  }

  @Test func `states remembered without end are refused`() throws {
    let common = try #require(
      UnwindCommonInformation(
        littleEndian(UInt32(16)) + [0, 0, 0, 0, 1, 0x7A, 0x52, 0, 1, 0x78, 16, 1, 0x1B, 0xC, 7, 8]))
    for (instruction, isValid): (UInt8, Bool) in [(0x00, true), (0x0a, false), (0x0b, false), (0x3f, false)] {
      let instructions = [UInt8](repeating: instruction, count: 100)
      let record = littleEndian(UInt32(113)) + [0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0] + instructions
      let description = try #require(UnwindDescription(record, common))
      #expect((UnwindRules(common, description, at: 0) != nil) == isValid)
    }
  }
}
