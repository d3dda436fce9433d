import Journal
import Testing

@Suite struct TargetHeaderTests {
  private let plain = TargetHeader(
    base: .sha256(of: [1]), position: .init(digest: .sha256(of: [2]), number: UpdateNumber(0x1_0203_0405_0607)))
  private var intended: TargetHeader {
    var header = plain
    header.intent = .init(
      direction: .backward, destination: .init(digest: .sha256(of: [3]), number: UpdateNumber(6)))
    return header
  }

  @Test func `a header gives back what it was made of, with and without an intent`() throws {
    var held = intended
    held.intent?.isHeld = true
    #expect(held.encoded()[88..<96] == [2, 1, 0, 0, 0, 0, 0, 0])
    for header in [plain, intended, held] {
      let bytes = header.encoded()
      #expect(bytes.count == TargetHeader.byteCount)
      #expect(try TargetHeader.decode(bytes + [1, 2, 3]) == header)
    }
  }

  @Test func `the fields stand where the layout says`() {
    let bytes = intended.encoded()
    #expect(bytes[0..<8] == [0x48, 0x43, 0x53, 0x4a, 0x0d, 0x0a, 0x1a, 0x0a])
    #expect(bytes[8..<16] == [1, 0, 0, 0, 0, 0, 0, 0])
    #expect(Array(bytes[16..<48]) == plain.base.bytes)
    #expect(Array(bytes[48..<80]) == plain.position.digest.bytes)
    #expect(bytes[80..<88] == [7, 6, 5, 4, 3, 2, 1, 0])
    #expect(bytes[88..<96] == [2, 0, 0, 0, 0, 0, 0, 0])
    #expect(Array(bytes[96..<128]) == Digest.sha256(of: [3]).bytes)
    #expect(bytes[128..<136] == [6, 0, 0, 0, 0, 0, 0, 0])
    #expect(bytes[136..<192].allSatisfy { $0 == 0 })
  }

  @Test func `a page that was never written is no header, and no error`() throws {
    #expect(try TargetHeader.decode([UInt8](repeating: 0, count: 4096)) == nil)
  }

  @Test func `a truncated header, a foreign magic, reserved bytes and an unknown intent are refused by name`() {
    let bytes = intended.encoded()
    for count in 0..<bytes.count {
      #expect(code { try TargetHeader.decode(Array(bytes.prefix(count))) } == .malformedTargetHeader)
    }
    func changed(_ index: Int, _ value: UInt8) -> JournalError.Code? {
      var bytes = bytes
      bytes[index] = value
      return code { try TargetHeader.decode(bytes) }
    }
    #expect(changed(0, 0) == .malformedTargetHeader)
    #expect(changed(8, 2) == .unsupportedTargetHeader)
    #expect(changed(12, 1) == .malformedTargetHeader)
    #expect(changed(87, 0x80) == .malformedTargetHeader)
    #expect(changed(88, 3) == .malformedTargetHeader)
    #expect(changed(88, 0) == .malformedTargetHeader)
    #expect(changed(89, 2) == .malformedTargetHeader)
    #expect(changed(191, 1) == .malformedTargetHeader)
  }
}
