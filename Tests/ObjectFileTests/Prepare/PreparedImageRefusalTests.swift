import Addressing
import Foundation
import ObjectFile
import Testing

struct PreparedImageRefusalTests {
  private func refusal(_ command: String, request: ELFArenaRequest = .forTests) -> ObjectFileError? {
    do {
      _ = try PreparedSpecimen(Link(command).command, source: stateProgram, request: request)
      return nil
    } catch { return error as? ObjectFileError }
  }

  @Test func `a shared library is refused by name`() {
    let error = refusal("gcc -shared -fPIC")
    #expect(error?.code == .notAdoptable)
    #expect(error?.description.contains("shared library; adopt executables only, yet") == true)
    #expect(refusal("gcc -shared -fPIC -Wl,-soname,libx.so.1")?.code == .notAdoptable)
  }

  @Test func `an object file is refused`() {
    #expect(refusal("gcc -c")?.code == .notAdoptable)
  }

  @Test func `an image of another machine is refused`() {
    var file = HandmadeELF()
    file.type = 2
    file.patch(18, UInt16(243))
    let error = #expect(throws: ObjectFileError.self) {
      try ELFPreparedImage(preparing: file.file(), request: .forTests)
    }
    #expect(error?.code == .unsupportedMachine)
  }

  @Test func `a prepared image is not prepared again`() throws {
    let specimen = try PreparedSpecimen(["gcc", "-pie"], source: stateProgram)
    let error = #expect(throws: ObjectFileError.self) {
      try ELFPreparedImage(preparing: ELFFile(MappedFile(path: specimen.prepared)), request: .forTests)
    }
    #expect(error?.code == .alreadyPrepared)
  }

  @Test(arguments: [0x7FFF_0000, 1 << 40, .max] as [UInt64])
  func `an arena out of reach of the image is refused`(_ gap: UInt64) {
    var request = ELFArenaRequest.forTests
    request.gap = gap
    #expect(refusal("gcc -pie", request: request)?.code == .outOfReach)
    request = .forTests
    request.dataByteCount = gap
    #expect(refusal("gcc -pie", request: request)?.code == .outOfReach)
  }

  @Test func `an image without section headers is refused`() throws {
    let specimen = try PreparedSpecimen(["gcc", "-pie"], source: stateProgram)
    var bytes = try MappedFile(path: specimen.original).view.allBytes
    bytes.replaceSubrange(40..<48, with: [UInt8](repeating: 0, count: 8))
    bytes.replaceSubrange(60..<64, with: [UInt8](repeating: 0, count: 4))
    let error = #expect(throws: ObjectFileError.self) {
      try ELFPreparedImage(preparing: ELFFile(MappedFile(bytes: bytes, name: "bare")), request: .forTests)
    }
    #expect(error?.code == .notAdoptable)
  }

  @Test func `relocations without addends are refused`() throws {
    let specimen = try PreparedSpecimen(["gcc", "-pie"], source: stateProgram)
    var bytes = try MappedFile(path: specimen.original).view.allBytes
    let dynamic = try #require(try ELFFile(MappedFile(path: specimen.original)).dynamic())
    let flags = try #require(dynamic.first(.flags1))
    bytes.replaceSubrange(
      Int(flags.fileOffset.rawValue)..<Int(flags.fileOffset.rawValue) + 8, with: littleEndian(UInt64(17)))
    let error = #expect(throws: ObjectFileError.self) {
      try ELFPreparedImage(preparing: ELFFile(MappedFile(bytes: bytes, name: "rel")), request: .forTests)
    }
    #expect(error?.code == .unsupportedRelocation)
  }

  @Test func `a damaged executable is prepared or refused, and nothing traps`() throws {
    let source = """
      extern int puts(const char *); int (*call)(const char *) = puts; int zero[2000];
      void _start(void) { call("x"); for (;;) zero[call != 0]++; }
      """
    let specimen = try PreparedSpecimen(
      ["gcc", "-pie", "-nostartfiles", "-Wl,--hash-style=both"], source: source)
    let bytes = try MappedFile(path: specimen.original).view.allBytes
    var prepared = 0
    var refused = 0
    for offset in interestingOffsets(bytes) {
      for value in [bytes[offset] ^ 0x80, bytes[offset] &+ 1, 0xFF] {
        var damaged = bytes
        damaged[offset] = value
        do throws(ObjectFileError) {
          let file = try ELFFile(MappedFile(bytes: damaged, name: "damaged"))
          _ = try ELFPreparedImage(preparing: file, request: .forTests)
          prepared += 1
        } catch { refused += 1 }
      }
    }
    #expect(prepared > 0 && refused > 0)
  }

  /// All bytes that are not zero and not code: headers and tables.
  private func interestingOffsets(_ bytes: [UInt8]) -> [Int] { bytes.indices.filter { bytes[$0] != 0 } }
}

/// What a fuzzer once tripped over, and its corpus.
struct `Inputs of the preparation fuzzer` {
  private static func files(_ folder: String) -> [String] {
    let fuzz = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../Fuzz/\(folder)/prepare")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: fuzz.path)) ?? []
    return names.sorted().map { fuzz.appendingPathComponent($0).path }
  }

  @Test(arguments: files("Corpus")) func `the corpus is prepared and added to`(_ path: String) throws {
    var walk = PrepareWalk()
    walk.walk(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
    #expect(walk.errors.allSatisfy { [.noRoom, .outOfReach].contains($0.code) }, "\(walk.errors)")
    #expect(walk.editCount > 0 || path.hasSuffix("/static"))
  }

  @Test(arguments: files("FailCases")) func `are read to the end`(_ path: String) throws {
    var walk = PrepareWalk()
    walk.walk(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
    #expect(walk.errors.allSatisfy { !$0.description.isEmpty })
  }
}
