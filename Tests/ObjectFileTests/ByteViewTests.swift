import Addressing
import ObjectFile
import Testing

struct `A byte view` {
  private let view = MappedFile(bytes: [1, 2, 3, 4, 0x68, 0x69, 0, 0xFF], name: "bytes").view

  @Test func `integers are little-endian and need no alignment`() throws {
    #expect(try view.load(UInt8.self, at: 7) == 0xFF)
    #expect(try view.load(Int8.self, at: 7) == -1)
    #expect(try view.load(UInt16.self, at: 1) == 0x0302)
    #expect(try view.load(UInt32.self, at: 0) == 0x0403_0201)
    #expect(try view.load(UInt64.self, at: 0) == 0xFF00_6968_0403_0201)
  }

  @Test(arguments: [-1, Int.min, 5, 8, 9, Int.max])
  func `a load that is not wholly inside is refused`(_ offset: Int) {
    expectCode(.truncated) { () throws(ObjectFileError) in _ = try view.load(UInt32.self, at: offset) }
  }

  @Test(arguments: [(0, 9), (8, 1), (9, 0), (.max, 1), (1, .max), (.max, .max)] as [(UInt64, UInt64)])
  func `a slice that is not wholly inside is refused`(_ offset: UInt64, _ count: UInt64) {
    expectCode(.truncated) { () throws(ObjectFileError) in _ = try view.slice(offset, count) }
  }

  @Test func `slices count from their own start and know their place in the file`() throws {
    let slice = try view.slice(2, 4).slice(1, 2)
    #expect(slice.allBytes == [4, 0x68])
    #expect(slice.fileOffset == FileOffset(3))
    #expect(try view.slice(8, 0).isEmpty)
    #expect(try view.suffix(from: 6).allBytes == [0, 0xFF])
    expectCode(.truncated) { () throws(ObjectFileError) in _ = try slice.load(UInt8.self, at: 2) }
  }

  @Test func `a slice keeps the bytes alive`() throws {
    func slice() throws -> ByteView {
      try MappedFile(bytes: Array(repeating: 7, count: 100_000), name: "short-lived").view.slice(99_990, 10)
    }
    #expect(try slice().allBytes == Array(repeating: 7, count: 10))
  }

  @Test func `a C string ends at its NUL and is refused without one`() throws {
    #expect(try view.cString(at: 4) == "hi")
    #expect(try view.cString(at: 6) == "")
    expectCode(.badString) { () throws(ObjectFileError) in _ = try view.cString(at: 7) }
    expectCode(.badString) { () throws(ObjectFileError) in _ = try view.cString(at: 8) }
    expectCode(.truncated) { () throws(ObjectFileError) in _ = try view.cString(at: 9) }
    expectCode(.truncated) { () throws(ObjectFileError) in _ = try view.cString(at: -1) }
  }

  @Test func `bytes are compared with text without decoding them`() throws {
    let name = try view.cStringBytes(at: 4)
    #expect(name.equals("hi"))
    #expect(!name.equals("h"))
    #expect(!name.equals("hi\0"))
    #expect(name.hasSameBytes(as: try view.slice(4, 2)))
    #expect(!name.hasSameBytes(as: try view.slice(3, 2)))
  }

  @Test func `an error names the file and the place in it`() throws {
    let error = #expect(throws: ObjectFileError.self) { try view.slice(4, 4).load(UInt64.self, at: 1) }
    #expect(error?.file == "bytes")
    #expect(error?.offset == FileOffset(5))
  }
}

/// Expects a refusal with one code, and hands the error back for a closer look.
@discardableResult
func expectCode(
  _ code: ObjectFileError.Code, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws(ObjectFileError) -> Void
) -> ObjectFileError? {
  do {
    try body()
    Issue.record("nothing was refused, \(code) was expected", sourceLocation: sourceLocation)
    return nil
  } catch {
    #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
    return error
  }
}
