import Addressing
import Journal
import Testing

@Suite struct UpdateCodingTests {
  @Test(arguments: 0..<200)
  func `decoding gives back what was encoded, and encodes to the same bytes`(seed: UInt64) throws {
    var generator = ContentGenerator(seed: seed)
    let content = generator.content()
    let bytes = try UpdateCoding.encode(content)
    let decoded = try UpdateCoding.decode(bytes)
    #expect(decoded == content)
    #expect(try UpdateCoding.encode(decoded) == bytes)
  }

  @Test(arguments: 0..<16)
  func `every truncation and every longer form is refused as malformed`(seed: UInt64) throws {
    var generator = ContentGenerator(seed: seed)
    let bytes = try UpdateCoding.encode(generator.content())
    for count in 0..<bytes.count {
      #expect(code { try UpdateCoding.decode(Array(bytes.prefix(count))) } == .malformedUpdate)
    }
    #expect(code { try UpdateCoding.decode(bytes + [0]) } == .malformedUpdate)
  }

  @Test(arguments: 0..<16)
  func `what decodes after a byte was changed encodes to those bytes, for no value has two forms`(seed: UInt64) throws {
    var generator = ContentGenerator(seed: seed)
    let bytes = try UpdateCoding.encode(generator.content())
    for index in bytes.indices {
      for flip: UInt8 in [1, 0x80, 0xff] {
        var changed = bytes
        changed[index] ^= flip
        guard let content = try? UpdateCoding.decode(changed) else { continue }
        #expect(try UpdateCoding.encode(content) == changed, "byte \(index)")
      }
    }
  }

  @Test(arguments: 0..<6)
  func `every truncation and every change of one byte of a record is refused`(seed: UInt64) throws {
    var generator = ContentGenerator(seed: seed)
    let record = try UpdateRecord(parent: .sha256(of: [UInt8(seed)]), content: generator.content())
    let bytes = try record.encoded()
    #expect(try UpdateRecord(decoding: bytes) == record)
    for count in 0..<bytes.count {
      #expect(throws: JournalError.self) { try UpdateRecord(decoding: Array(bytes.prefix(count))) }
    }
    for index in bytes.indices {
      for value in UInt8.min...UInt8.max where value != bytes[index] && (value % 64 == bytes[index] % 64 || index < 12)
      {
        var changed = bytes
        changed[index] = value
        #expect(throws: JournalError.self) { try UpdateRecord(decoding: changed) }
      }
    }
  }

  @Test func `an encoding of a later version is told from a malformed one`() {
    #expect(code { try UpdateCoding.decode([5]) } == .unsupportedUpdate)
    #expect(code { try UpdateCoding.decode([0]) } == .malformedUpdate)
    #expect(code { try UpdateCoding.decode([]) } == .malformedUpdate)
  }

  @Test func `a longer form of a number, a flag of 2 and text that is not UTF-8 are refused by name`() throws {
    let bytes = try UpdateCoding.encode(Self.plain)
    #expect(bytes[0...3] == [1, 0, 1, 0x61])
    #expect(
      detail { try UpdateCoding.decode([1, 0x80, 0] + bytes.dropFirst(2)) } == "a number has a longer form than needed")
    #expect(detail { try UpdateCoding.decode([1, 0, 1, 0xff] + bytes.dropFirst(4)) } == "a text is not UTF-8")
    var flagged = bytes
    flagged[5] = 2
    #expect(detail { try UpdateCoding.decode(flagged) } == "a flag is neither 0 nor 1")
    let huge = [UInt8](repeating: 0xff, count: 10)
    #expect(detail { try UpdateCoding.decode([1] + huge) } == "a number has more than 64 bits")
    #expect(
      detail { try UpdateCoding.decode([1, 0] + [0xff, 0xff, 0xff, 0xff, 0x7f]) } == "a count goes beyond the end")
  }

  @Test func `an update that contradicts itself is not encoded`() {
    var write = WriteOperation(place: .virtual(VirtualAddress(0x1000)), before: [0, 0, 0, 0], after: [0, 0, 0, 0])
    write.after = [1]
    #expect(refusal([.write(write)]) == "before and after of a write differ in length")
    let fixup = Fixup(offset: 0, kind: .relative32, target: VirtualAddress(0x1010), addend: -4)
    write.after = [0x0c, 0, 0, 0]
    write.fixups = [fixup]
    #expect(refusal([.write(write)]) == nil)
    write.after = [0x0d, 0, 0, 0]
    #expect(refusal([.write(write)]) == "a field holds another value than its fixup gives")
    write.fixups = [Fixup(offset: 1, kind: .relative32, target: VirtualAddress(0), addend: 0)]
    #expect(refusal([.write(write)]) == "a fixup goes beyond its write")
    write.fixups = [fixup, fixup]
    #expect(refusal([.write(write)]) == "fixups overlap or are not in order")
    write.place = .file(FileOffset(0))
    #expect(refusal([.write(write)]) == "a write to a file offset has fixups")
    let cell = PointerOperation(
      cell: VirtualAddress(4), before: nil, after: nil, wordBefore: 0, wordAfter: 0, records: [])
    #expect(refusal([.pointer(cell)]) == "a cell is not aligned to 8 bytes")
  }

  @Test func `the digest covers the parent`() throws {
    let first = try UpdateCoding.digest(of: Self.plain, parent: .zero)
    let second = try UpdateCoding.digest(of: Self.plain, parent: first)
    #expect(first != second)
  }

  static let plain = UpdateContent(
    time: 0, author: "a", message: "", operations: [], atoms: [], guards: [], cursors: SmallImage.cursors)

  private func refusal(_ operations: [Journal.Operation]) -> String? {
    var content = Self.plain
    content.operations = operations
    return detail { try UpdateCoding.encode(content) }
  }
}

/// The code of the error that the body throws; nil if it throws none.
func code(_ body: () throws -> some Any) -> JournalError.Code? {
  do {
    _ = try body()
    return nil
  } catch {
    return (error as? JournalError)?.code
  }
}

func detail(_ body: () throws -> some Any) -> String? {
  do {
    _ = try body()
    return nil
  } catch {
    return (error as? JournalError)?.detail
  }
}
