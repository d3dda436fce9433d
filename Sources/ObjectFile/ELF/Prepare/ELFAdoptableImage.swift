import Addressing

/// A linked image of which a prepared one can be made, and what of it that takes. What cannot be adopted is refused
/// here, before anything is laid out.
struct ELFAdoptableImage {
  let file: ELFFile
  let dynamic: ELFDynamic?
  let types: ELFLoaderRelocationTypes
  /// From the first loaded byte to the last.
  let range: AddressRange

  /// The largest page that the machine's kernels are built for, to which segments are aligned: 4 KiB on x86-64, 64 KiB on
  /// arm64 (psABI: max-page-size).
  let pageByteCount: UInt64
  /// The section that tells a prepared image.
  static let headerSectionName = ".hcsj.header"

  init(_ file: ELFFile) throws(ObjectFileError) {
    guard let types = ELFLoaderRelocationTypes(file.header.machine) else {
      throw file.failure(.unsupportedMachine, detail: "\(file.header.machine); x86-64 and arm64 are known")
    }
    guard !file.sections.isEmpty, file.header.sectionNameTableIndex != 0 else {
      throw file.failure(.notAdoptable, detail: "it has no section headers or no names of them")
    }
    guard file.section(named: Self.headerSectionName) == nil else { throw file.failure(.alreadyPrepared) }
    // What the kernel loads (load_elf_phdrs: 64 KiB).
    let headers = file.segments.count + ELFPreparation.mostAddedSegments
    guard headers * ELFHeader.programHeaderByteCount <= 0x1_0000 else {
      throw file.failure(.notAdoptable, detail: "it has \(file.segments.count) program headers")
    }
    self.file = file
    self.types = types
    pageByteCount = file.header.machine == .aarch64 ? 0x1_0000 : 0x1000
    range = try Self.loadedRange(file)
    dynamic = try file.dynamic()
    try checkIsExecutable()
    try checkRelocations()
  }

  /// Whether a dynamic loader starts it, which alone binds imports.
  var hasInterpreter: Bool { file.segments.first(of: .interpreter) != nil }

  private static func loadedRange(_ file: ELFFile) throws(ObjectFileError) -> AddressRange {
    let loaded = file.segments.filter { $0.type == .load && $0.memoryByteCount > 0 }
    guard let first = loaded.map(\.range.start).min(), let last = loaded.map(\.range.end).max() else {
      throw file.failure(.notAdoptable, detail: "it has no PT_LOAD segment; adopt a linked executable")
    }
    return AddressRange(start: first, byteCount: last.rawValue - first.rawValue)
  }

  private func checkIsExecutable() throws(ObjectFileError) {
    switch file.header.type {
    case .executable: return
    case .sharedObject:
      guard try !isLibrary() else {
        throw file.failure(.notAdoptable, detail: "it is a shared library; adopt executables only, yet")
      }
    default: throw file.failure(.notAdoptable, detail: "it is not a linked executable")
    }
  }

  /// ET_DYN stands for libraries and for position-independent executables. An executable has an interpreter, or, linked
  /// with -static-pie, DF_1_PIE, which older linkers leave out: then it has an entry and neither a name nor needs.
  private func isLibrary() throws(ObjectFileError) -> Bool {
    guard let dynamic else { return file.header.entry.rawValue == 0 }
    if dynamic.flags1 & 0x0800_0000 != 0 { return false }
    if dynamic.first(.soname) != nil { return true }
    if hasInterpreter { return false }
    return file.header.entry.rawValue == 0 || dynamic.first(.needed) != nil
  }

  private func checkRelocations() throws(ObjectFileError) {
    guard let dynamic else { return }
    guard dynamic.first(.relocations) == nil else {
      throw file.failure(.unsupportedRelocation, detail: "its dynamic relocations have no addends (DT_REL)")
    }
    if let entrySize = dynamic.value(.relocationsWithAddendsEntrySize), entrySize != 24 {
      throw file.failure(.badEntrySize, detail: "DT_RELAENT \(entrySize)")
    }
  }
}
