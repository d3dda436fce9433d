public import Addressing

/// A core file: what the kernel, or a debugger, kept of a process's memory (core(5)).
public struct ELFCore: Sendable {
  public struct Thread: Hashable, Sendable {
    public var id: Int32
    public var programCounter: RuntimeAddress
  }

  /// A part of a file that was mapped, as NT_FILE has it.
  public struct MappedFilePart: Hashable, Sendable {
    public var start: RuntimeAddress
    public var end: RuntimeAddress
    public var fileOffset: FileOffset
    public var path: String
  }

  public let name: String
  public let machine: ELFMachine
  /// In the order of the core, in which the thread that failed comes first.
  public let threads: [Thread]
  /// Ascending by address.
  public let files: [MappedFilePart]
  private let auxiliaryVector: [UInt64: UInt64]
  private let file: ELFFile
  /// Ascending by address.
  private let loads: [ELFSegment]

  /// NT_* of a note named CORE (linux/elf.h); NT_FILE spells FILE.
  private enum NoteType {
    static let status: UInt32 = 1
    static let auxiliaryVector: UInt32 = 6
    static let files: UInt32 = 0x4649_4c45
  }

  public init(_ file: ELFFile) throws(ObjectFileError) {
    guard file.header.type == .core else {
      throw ObjectFileError(.unsupportedFileType, file: file.name, detail: "it is no core file")
    }
    name = file.name
    machine = file.header.machine
    self.file = file
    loads = file.segments.filter { $0.type == .load && $0.fileByteCount > 0 }.sorted { $0.address < $1.address }
    var threads: [Thread] = []
    var files: [MappedFilePart] = []
    var vector: [UInt64: UInt64] = [:]
    for note in try file.notes() where note.name == "CORE" {
      switch note.type {
      case NoteType.status: threads.append(try Self.thread(note.descriptor, file.header.machine))
      case NoteType.auxiliaryVector: vector = try Self.pairs(note.descriptor)
      case NoteType.files: files = try Self.files(note.descriptor)
      default: break
      }
    }
    self.threads = threads
    self.files = files.sorted { $0.start < $1.start }
    auxiliaryVector = vector
  }

  /// AT_ENTRY (getauxval(3)): where the executable began to run.
  public var entryPoint: RuntimeAddress? { auxiliaryVector[9].map { RuntimeAddress(rawValue: $0) } }

  /// Nil where the core does not hold all of them: pages of files that the process has not written are mostly left out.
  public func bytes(at start: RuntimeAddress, count: Int) -> [UInt8]? {
    guard count > 0 else { return count == 0 ? [] : nil }
    var bytes: [UInt8] = []
    var address = start.rawValue
    while bytes.count < count {
      guard let segment = segment(containing: address) else { return nil }
      let offset = address - segment.address.rawValue
      let size = min(segment.fileByteCount - offset, UInt64(count - bytes.count))
      guard let place = segment.fileOffset.advanced(by: offset), let part = try? file.view.slice(place.rawValue, size)
      else { return nil }
      bytes += part.allBytes
      address += size
    }
    return bytes
  }

  /// The part of a file that was mapped at an address.
  public func mappedFile(at address: RuntimeAddress) -> MappedFilePart? {
    files.last { $0.start <= address }.flatMap { address < $0.end ? $0 : nil }
  }

  private func segment(containing address: UInt64) -> ELFSegment? {
    let low = loads.partitioningIndex { $0.address.rawValue > address }
    guard low > 0, address - loads[low - 1].address.rawValue < loads[low - 1].fileByteCount else { return nil }
    return loads[low - 1]
  }

  /// struct elf_prstatus (linux/elfcore.h): pr_pid at 32, the general registers from 112 on. Among them the program counter is
  /// rip, the 17th (struct user_regs_struct of x86-64), or pc, the 33rd (struct user_pt_regs of arm64).
  private static func thread(_ note: ByteView, _ machine: ELFMachine) throws(ObjectFileError) -> Thread {
    let register = machine == .aarch64 ? 32 : 16
    return Thread(
      id: Int32(bitPattern: try note.load(UInt32.self, at: 32)),
      programCounter: RuntimeAddress(rawValue: try note.load(UInt64.self, at: 112 + 8 * register)))
  }

  private static func pairs(_ note: ByteView) throws(ObjectFileError) -> [UInt64: UInt64] {
    var pairs: [UInt64: UInt64] = [:]
    for offset in stride(from: 0, to: note.count - 15, by: 16) {
      let key = try note.load(UInt64.self, at: offset)
      if key == 0 { break }
      if pairs[key] == nil { pairs[key] = try note.load(UInt64.self, at: offset + 8) }
    }
    return pairs
  }

  /// A count and a page size, then start, end and offset in pages of each, then as many names (fs/binfmt_elf.c,
  /// fill_files_note).
  private static func files(_ note: ByteView) throws(ObjectFileError) -> [MappedFilePart] {
    let count = try note.load(UInt64.self, at: 0)
    let pageByteCount = try note.load(UInt64.self, at: 8)
    guard count <= UInt64(note.count) / 24 else {
      throw ObjectFileError(.truncated, file: note.fileName, detail: "NT_FILE speaks of \(count) files")
    }
    var nameOffset = 16 + Int(count) * 24
    var parts: [MappedFilePart] = []
    for index in 0..<Int(count) {
      let at = 16 + index * 24
      let (offset, overflow) = try note.load(UInt64.self, at: at + 16).multipliedReportingOverflow(by: pageByteCount)
      let path = try note.cStringBytes(at: nameOffset)
      nameOffset += path.count + 1
      guard !overflow else { continue }
      parts.append(
        MappedFilePart(
          start: RuntimeAddress(rawValue: try note.load(UInt64.self, at: at)),
          end: RuntimeAddress(rawValue: try note.load(UInt64.self, at: at + 8)), fileOffset: FileOffset(offset),
          path: path.text))
    }
    return parts
  }
}
