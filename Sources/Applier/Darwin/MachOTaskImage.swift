import Addressing
import Journal

/// The executable as it stands in a task's memory. Never found by a path: a file can be replaced, memory cannot.
///
/// Everything is read from memory that the program may have damaged: each walk has an end.
struct MachOTaskImage: Hashable, Sendable {
  /// The first region's address less the `__TEXT` segment's.
  let slide: Slide
  /// Contents of LC_UUID; nil where the image has none.
  let uuid: [UInt8]?
  let cpu: UInt32
  let cpuKind: UInt32

  /// Values of mach-o/loader.h and mach/machine.h.
  enum Constant {
    static let magic64: UInt32 = 0xfeed_facf
    static let executable: UInt32 = 2
    static let segment64: UInt32 = 0x19
    static let uuid: UInt32 = 0x1b
    static let cpuIntel: UInt32 = 0x0100_0007
    static let cpuARM: UInt32 = 0x0100_000c
    /// CPU_SUBTYPE_ARM64E, without the feature bits above.
    static let kindARM64E: UInt32 = 2
    static let headerByteCount = 32
    // Load commands, without LC_REQ_DYLD.
    static let ownName: UInt32 = 0xd
    /// LC_LOAD_DYLIB, LC_LOAD_WEAK_DYLIB, LC_REEXPORT_DYLIB, LC_LAZY_LOAD_DYLIB, LC_LOAD_UPWARD_DYLIB.
    static let libraries: Set<UInt32> = [0xc, 0x18, reexport, 0x20, 0x23]
    static let reexport: UInt32 = 0x1f
    static let loaderInfo: UInt32 = 0x22
    static let exportTrie: UInt32 = 0x33
  }

  private static let maximalCommandBytes = 1 << 20

  /// The lowest region of a task is its executable: `__PAGEZERO`, slide included, is no region (xnu, bsd/kern/mach_loader.c,
  /// load_segment raises the map's lowest address instead). Memory that the program itself put below is gone past.
  static func executable(of task: TaskPort, named name: String, _ calls: any MachCalls) throws(ApplyError) -> Self {
    var regions = MachRegions(task, calls)
    do throws(MachFailure) {
      while let region = try regions.next() {
        guard region.protection.contains(.read), let image = try Self(task, at: region.range.start, calls) else {
          continue
        }
        return image
      }
    } catch { throw ApplyError(.taskCallFailed, target: name, failure: error) }
    throw ApplyError(.taskMemoryMalformed, target: name, detail: "no region begins with an executable's Mach-O header")
  }

  /// Nil where no executable begins there.
  private init?(_ task: TaskPort, at start: RuntimeAddress, _ calls: any MachCalls) throws(MachFailure) {
    let header = TaskBytes(try calls.read(task, at: start.rawValue, count: Constant.headerByteCount))
    guard header.integer(at: 0) == Constant.magic64, header.integer(at: 12) == Constant.executable,
      let cpu: UInt32 = header.integer(at: 4), let kind: UInt32 = header.integer(at: 8),
      let byteCount: UInt32 = header.integer(at: 20), byteCount <= Self.maximalCommandBytes
    else { return nil }
    let address = start.rawValue &+ UInt64(Constant.headerByteCount)
    let commands = MachOTaskCommands(TaskBytes(try calls.read(task, at: address, count: Int(byteCount))))
    guard let text = commands.segment("__TEXT") else { return nil }
    slide = Slide(of: VirtualAddress(text.address), at: start)
    uuid = commands.uuid
    self.cpu = cpu
    cpuKind = kind & 0xff_ffff
  }

  func check(_ architecture: BaseImage.Architecture, named name: String) throws(ApplyError) {
    switch (architecture, cpu) {
    case (.arm64, Constant.cpuARM) where cpuKind != Constant.kindARM64E: return
    case (.x86_64, Constant.cpuIntel): return
    default:
      throw ApplyError(
        .architectureMismatch, target: name, detail: "the journal's image is \(architecture), the process \(words)")
    }
  }

  private var words: String {
    switch cpu {
    case Constant.cpuARM: cpuKind == Constant.kindARM64E ? "arm64e" : "arm64"
    case Constant.cpuIntel: "x86_64"
    default: "of CPU type 0x" + String(cpu, radix: 16)
    }
  }
}

/// Load commands copied out of a task (mach-o/loader.h).
struct MachOTaskCommands {
  struct Segment: Hashable {
    var name: String
    var address: UInt64
    var byteCount: UInt64
    var fileOffset: UInt64
  }

  private(set) var segments: [Segment] = []
  private(set) var uuid: [UInt8]?
  /// LC_DYLD_EXPORTS_TRIE, or that part of LC_DYLD_INFO_ONLY.
  private(set) var exportTrie: (offset: UInt32, byteCount: UInt32)?
  /// In the order in which two-level names count them.
  private(set) var libraries: [(name: String, isReexported: Bool)] = []
  /// LC_ID_DYLIB's name.
  private(set) var installName: String?

  init(_ bytes: TaskBytes) {
    var offset = 0
    while let kind: UInt32 = bytes.integer(at: offset), let byteCount: UInt32 = bytes.integer(at: offset + 4),
      byteCount >= 8, let command = bytes.bytes(at: offset, count: Int(byteCount)).map(TaskBytes.init)
    {
      add(kind & 0x7fff_ffff, command)
      offset += Int(byteCount)
    }
  }

  func segment(_ name: String) -> Segment? { segments.first { $0.name == name } }

  private mutating func add(_ kind: UInt32, _ command: TaskBytes) {
    switch kind {
    case MachOTaskImage.Constant.segment64:
      guard let name = command.bytes(at: 8, count: 16), let address = command.word(at: 24),
        let byteCount = command.word(at: 32), let fileOffset = command.word(at: 40)
      else { return }
      let text = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
      segments.append(Segment(name: text, address: address, byteCount: byteCount, fileOffset: fileOffset))
    case MachOTaskImage.Constant.uuid: uuid = command.bytes(at: 8, count: 16)
    case MachOTaskImage.Constant.ownName: installName = name(in: command)
    case let kind where MachOTaskImage.Constant.libraries.contains(kind):
      libraries.append((name(in: command) ?? "", kind == MachOTaskImage.Constant.reexport))
    case MachOTaskImage.Constant.loaderInfo: setTrie(command, at: 40)
    case MachOTaskImage.Constant.exportTrie: setTrie(command, at: 8)
    default: break
    }
  }

  private func name(in command: TaskBytes) -> String? {
    guard let offset: UInt32 = command.integer(at: 8) else { return nil }
    return command.string(at: Int(offset))
  }

  private mutating func setTrie(_ command: TaskBytes, at offset: Int) {
    guard let start: UInt32 = command.integer(at: offset), let byteCount: UInt32 = command.integer(at: offset + 4)
    else { return }
    exportTrie = (start, byteCount)
  }
}

/// The regions of a task, ascending, without the submaps that hold some of them.
struct MachRegions {
  /// More than any program has: a task that never ends would keep us for ever.
  private static let maximalCount = 1 << 20
  private static let maximalDepth: UInt32 = 64

  private let task: TaskPort
  private let calls: any MachCalls
  private var address: UInt64
  private var count = 0

  init(_ task: TaskPort, _ calls: any MachCalls, from address: UInt64 = 0) {
    self.task = task
    self.calls = calls
    self.address = address
  }

  /// The first region that ends behind the last one told.
  mutating func next() throws(MachFailure) -> MachRegion? {
    var depth: UInt32 = 0
    while count < Self.maximalCount {
      count += 1
      guard let region = try calls.nextRegion(task, at: address, depth: depth) else { return nil }
      if region.isSubmap {
        // The same place once more, a submap deeper.
        guard region.depth < Self.maximalDepth else { return nil }
        depth = region.depth + 1
        continue
      }
      guard region.range.end.rawValue > address else { return nil }
      address = region.range.end.rawValue
      return region
    }
    return nil
  }
}
