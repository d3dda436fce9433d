import Addressing
import Testing

@testable import ObjectFile

@Suite struct `Core files` {
  private static func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
  }

  private static func note(_ type: UInt64, _ contents: [UInt8]) -> [UInt8] {
    let padding = [UInt8](repeating: 0, count: (4 - contents.count % 4) % 4)
    return bytes(5, 4) + bytes(UInt64(contents.count), 4) + bytes(type, 4) + Array("CORE\0\0\0\0".utf8) + contents
      + padding
  }

  /// A thread, an entry point, a mapped file, and 16 bytes of memory at 0x7000 of which the core has the first 8.
  private static func core(machine: UInt64 = 62, type: UInt64 = 4, counter: Int = 240, files: UInt64 = 1) -> [UInt8] {
    var status = [UInt8](repeating: 0, count: 480)
    status.replaceSubrange(32..<36, with: bytes(77, 4))
    status.replaceSubrange(counter..<counter + 8, with: bytes(0x7004, 8))
    let vector = bytes(9, 8) + bytes(0x5040, 8) + bytes(0, 16)
    let table =
      bytes(files, 8) + bytes(4096, 8) + bytes(0x5000, 8) + bytes(0x7000, 8) + bytes(2, 8) + Array("/bin/it\0".utf8)
    let notes = note(1, status) + note(6, vector) + note(0x4649_4c45, table)
    let start = UInt64(64 + 2 * 56)
    var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
    file += bytes(type, 2) + bytes(machine, 2) + bytes(1, 4) + bytes(0, 8) + bytes(64, 8) + bytes(0, 8) + bytes(0, 4)
    file += bytes(64, 2) + bytes(56, 2) + bytes(2, 2) + bytes(0, 2) + bytes(0, 2) + bytes(0, 2)
    func segment(_ type: UInt64, _ at: UInt64, _ address: UInt64, _ inFile: UInt64, _ inMemory: UInt64) -> [UInt8] {
      bytes(type, 4) + bytes(4, 4) + bytes(at, 8) + bytes(address, 8) + bytes(address, 8) + bytes(inFile, 8)
        + bytes(inMemory, 8) + bytes(4, 8)
    }
    file += segment(4, start, 0, UInt64(notes.count), 0)
    file += segment(1, start + UInt64(notes.count), 0x7000, 8, 16)
    return file + notes + [1, 2, 3, 4, 5, 6, 7, 8]
  }

  private static func read(_ bytes: [UInt8]) throws(ObjectFileError) -> ELFCore {
    try ELFCore(ELFFile(MappedFile(bytes: bytes, name: "core")))
  }

  @Test(arguments: [(62 as UInt64, 240), (183, 368)])
  func `threads, entry point, files and memory are what the notes and segments say`(
    machine: UInt64, counter: Int
  ) throws {
    let core = try Self.read(Self.core(machine: machine, counter: counter))
    #expect(core.threads == [ELFCore.Thread(id: 77, programCounter: RuntimeAddress(rawValue: 0x7004))])
    #expect(core.entryPoint == RuntimeAddress(rawValue: 0x5040))
    let part = try #require(core.mappedFile(at: RuntimeAddress(rawValue: 0x6fff)))
    #expect(part.path == "/bin/it" && part.fileOffset == FileOffset(8192))
    #expect(core.mappedFile(at: RuntimeAddress(rawValue: 0x7000)) == nil)
    #expect(core.bytes(at: RuntimeAddress(rawValue: 0x7002), count: 6) == [3, 4, 5, 6, 7, 8])
    #expect(core.bytes(at: RuntimeAddress(rawValue: 0x7002), count: 7) == nil)
    #expect(core.bytes(at: RuntimeAddress(rawValue: 0x6fff), count: 2) == nil)
    #expect(core.bytes(at: RuntimeAddress(rawValue: .max), count: 2) == nil)
  }

  @Test func `what is no core, and what a core cannot hold, is refused by name`() {
    #expect(throws: ObjectFileError.self) { try Self.read(Self.core(type: 3)) }
    for count in [2, 1 << 20, UInt64.max] {
      #expect(throws: ObjectFileError.self) { try Self.read(Self.core(files: count)) }
    }
  }

  @Test func `a core that is cut short, or changed in one byte, gives an error or what it still holds`() {
    let whole = Self.core()
    for count in whole.indices { _ = try? Self.read(Array(whole.prefix(count))) }
    for index in whole.indices {
      var changed = whole
      changed[index] ^= 0xff
      guard let core = try? Self.read(changed) else { continue }
      #expect(core.bytes(at: RuntimeAddress(rawValue: 0x7000), count: 8)?.count ?? 8 == 8)
    }
  }
}
