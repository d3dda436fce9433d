public import Addressing

/// The executable as it stands in a process's memory. Never found by a path: a file can be replaced, memory cannot.
public struct MainImage: Hashable, Sendable {
  public let slide: Slide
  /// Where execution began after the dynamic loader.
  let entryPoint: RuntimeAddress
  /// Contents of the build-id note; nil where the image has none.
  public let buildID: [UInt8]?
  /// The dynamic section; nil in a static executable.
  let dynamicSection: RuntimeAddress?
  /// What is loaded of it, and its table for unwinding.
  let unwinding: UnwindImage
}

/// Program header types (gABI, Program Header; LSB Core, PT_GNU_EH_FRAME).
enum SegmentType {
  static let load: UInt32 = 1
  static let dynamic: UInt32 = 2
  static let note: UInt32 = 4
  static let programHeaders: UInt32 = 6
  static let unwindTable: UInt32 = 0x6474_e550
}

/// A program header as it stands in a task's memory.
struct ProgramHeader {
  static let byteCount = 56

  var type: UInt32
  var fileOffset: UInt64
  var address: UInt64
  var byteCount: UInt64
  var alignment: UInt64

  init?(_ bytes: TaskBytes, at offset: Int) {
    guard let type: UInt32 = bytes.integer(at: offset), let fileOffset = bytes.word(at: offset + 8),
      let address = bytes.word(at: offset + 16), let byteCount = bytes.word(at: offset + 40),
      let alignment = bytes.word(at: offset + 48)
    else { return nil }
    self.type = type
    self.fileOffset = fileOffset
    self.address = address
    self.byteCount = byteCount
    self.alignment = alignment
  }
}

extension LinuxProcess {
  private static let maximalProgramHeaders: UInt64 = 4096
  private static let maximalNoteBytes: UInt64 = 1 << 20

  /// - Parameter entryPoint: of the image that the process is taken for. The slide follows from it, whether the program
  ///   headers have been moved (a prepared image) or not; without it, from what the image says of itself.
  public func mainImage(entryPoint: VirtualAddress? = nil) throws(ApplyError) -> MainImage {
    let vector = try auxiliaryVector()
    guard let table = vector[.programHeaders], let count = vector[.programHeaderCount],
      let entry = vector[.entryPoint], count <= Self.maximalProgramHeaders,
      vector[.programHeaderSize] == UInt64(ProgramHeader.byteCount)
    else { throw malformed("its auxiliary vector names no program headers") }
    let bytes = TaskBytes(try headerBytes(at: table, Int(count) * ProgramHeader.byteCount))
    let headers = (0..<Int(count)).compactMap { ProgramHeader(bytes, at: $0 * ProgramHeader.byteCount) }
    let runtimeEntry = RuntimeAddress(rawValue: entry)
    let slide =
      if let entryPoint { Slide(of: entryPoint, at: runtimeEntry) } else { slide(headers, at: table, runtimeEntry) }
    func runtime(_ header: ProgramHeader) -> RuntimeAddress {
      RuntimeAddress(VirtualAddress(header.address), slide: slide)
    }
    var buildID: [UInt8]?
    for note in headers where note.type == SegmentType.note && buildID == nil {
      buildID = self.buildID(inNotesAt: runtime(note), note.byteCount, alignment: note.alignment)
    }
    return MainImage(
      slide: slide, entryPoint: runtimeEntry, buildID: buildID,
      dynamicSection: headers.first { $0.type == SegmentType.dynamic }.map(runtime),
      unwinding: UnwindImage(headers, slide: slide.rawValue))
  }

  /// Zig 0.10 writes static images whose headers no segment maps: the kernel says then that they are at address 0
  /// (fs/binfmt_elf.c, load_elf_binary), where nothing is.
  private func headerBytes(at table: UInt64, _ count: Int) throws(ApplyError) -> [UInt8] {
    table == 0 ? [] : try read(RuntimeAddress(rawValue: table), count)
  }

  /// The table of a dynamically linked image names itself. That of another follows the ELF header (gABI, ELF Header:
  /// `e_entry` at 24), which is mapped with it; without any, it is taken not to slide.
  private func slide(_ headers: [ProgramHeader], at table: UInt64, _ entry: RuntimeAddress) -> Slide {
    if let own = headers.first(where: { $0.type == SegmentType.programHeaders }) {
      return Slide(rawValue: table &- own.address)
    }
    let headerByteCount: UInt64 = 64
    do throws(ApplyError) {
      let header = try read(RuntimeAddress(rawValue: table &- headerByteCount), Int(headerByteCount))
      guard header.starts(with: [0x7f, 0x45, 0x4c, 0x46]), let found = TaskBytes(header).word(at: 24) else {
        return .zero
      }
      return Slide(of: VirtualAddress(found), at: entry)
    } catch {
      return .zero
    }
  }

  /// A slide of the wrong image leads to an address where there is nothing: no note then, and the identity differs.
  private func buildID(inNotesAt start: RuntimeAddress, _ byteCount: UInt64, alignment: UInt64) -> [UInt8]? {
    guard byteCount <= Self.maximalNoteBytes else { return nil }
    do throws(ApplyError) {
      return NoteReader(TaskBytes(try read(start, Int(byteCount))), alignment: alignment).buildID
    } catch {
      return nil
    }
  }

  func malformed(_ detail: String, at address: RuntimeAddress? = nil) -> ApplyError {
    ApplyError(.taskMemoryMalformed, target: description, runtimeAddress: address, detail: detail)
  }
}

/// The notes of one segment (gABI, Note Section): three words of 4 bytes, then name and description, each padded.
struct NoteReader {
  private static let buildIDType: UInt32 = 3
  private let bytes: TaskBytes
  private let alignment: Int

  init(_ bytes: TaskBytes, alignment: UInt64) {
    self.bytes = bytes
    // Only .note.gnu.property is padded to 8 (binutils; the gABI's own 8 for 64-bit files never was put to use).
    self.alignment = alignment == 8 ? 8 : 4
  }

  var buildID: [UInt8]? {
    var offset = 0
    while let nameCount: UInt32 = bytes.integer(at: offset), let count: UInt32 = bytes.integer(at: offset + 4),
      let type: UInt32 = bytes.integer(at: offset + 8)
    {
      let name = offset + 12
      let contents = padded(name + Int(nameCount))
      guard let found = bytes.bytes(at: contents, count: Int(count)) else { return nil }
      if type == Self.buildIDType, bytes.bytes(at: name, count: Int(nameCount)) == Array("GNU\0".utf8) { return found }
      offset = padded(contents + Int(count))
    }
    return nil
  }

  private func padded(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }
}
