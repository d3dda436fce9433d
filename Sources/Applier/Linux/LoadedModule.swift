import Addressing

/// Memory that can be read: a process's, or a made one's.
protocol ReadableMemory {
  func read(_ at: RuntimeAddress, _ count: Int) throws(ApplyError) -> [UInt8]
}

extension LinuxProcess: ReadableMemory {}

/// An executable or shared library in a task, as its dynamic section tells (gABI, Dynamic Section).
///
/// Everything is read from memory that the program may have damaged: each walk has an end.
struct LoadedModule {
  enum Tag: UInt64, Sendable {
    case needed = 1
    case hash = 4
    case strings = 5
    case symbols = 6
    case stringByteCount = 10
    case soname = 14
    case debug = 21
    case gnuHash = 0x6fff_fef5
    case symbolVersions = 0x6fff_fff0
    case versionDefinitions = 0x6fff_fffc
    case versionNeeds = 0x6fff_fffe
  }

  static let maximalEntries = 4096
  private static let maximalNameBytes = 4096

  let memory: any ReadableMemory
  /// Runtime minus virtual address (`l_addr`).
  let base: UInt64
  private(set) var needed: [UInt64] = []
  private var values: [Tag: UInt64] = [:]

  /// - Parameter dynamicSection: where its entries begin, 16 bytes each, up to DT_NULL.
  init(_ memory: any ReadableMemory, base: UInt64, dynamicSection: RuntimeAddress) throws(ApplyError) {
    self.memory = memory
    self.base = base
    for index in 0..<UInt64(Self.maximalEntries) {
      let entry = TaskBytes(try memory.read(RuntimeAddress(rawValue: dynamicSection.rawValue &+ index * 16), 16))
      guard let tag = entry.word(at: 0), let value = entry.word(at: 8), tag != 0 else { return }
      guard let tag = Tag(rawValue: tag) else { continue }
      if tag == .needed { needed.append(value) } else { values[tag] = value }
    }
  }

  subscript(tag: Tag) -> UInt64? { values[tag] }

  /// An address in the dynamic section. glibc makes them runtime addresses in place, musl does not, and the kernel's vDSO
  /// has them as they were linked: what lies below the module is still to be moved.
  func address(_ tag: Tag) -> RuntimeAddress? {
    guard let value = values[tag], value != 0 else { return nil }
    return RuntimeAddress(rawValue: value < base ? value &+ base : value)
  }

  /// A string of its dynamic string table.
  func string(_ offset: UInt64) -> String? {
    guard let table = address(.strings), offset < values[.stringByteCount] ?? .max else { return nil }
    return Self.string(memory, RuntimeAddress(rawValue: table.rawValue &+ offset))
  }

  var soname: String? { values[.soname].flatMap(string) }

  /// Zero-terminated, at most 4096 bytes; nil where there is none.
  static func string(_ memory: any ReadableMemory, _ at: RuntimeAddress) -> String? {
    var bytes: [UInt8] = []
    var next = at.rawValue
    while bytes.count < maximalNameBytes {
      // Up to a multiple of the chunk, so that a string at the end of a mapping is not read over it.
      let count = 64 - Int(next % 64)
      do throws(ApplyError) {
        let chunk = try memory.read(RuntimeAddress(rawValue: next), count)
        if let end = chunk.firstIndex(of: 0) { return String(decoding: bytes + chunk[..<end], as: UTF8.self) }
        bytes += chunk
      } catch {
        return nil
      }
      next &+= UInt64(count)
    }
    return nil
  }
}
