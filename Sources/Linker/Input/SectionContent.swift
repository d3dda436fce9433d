import ObjectFile

/// What a section of an object file holds, as the linker goes about it.
enum SectionContent {
  case code
  /// Strings that linkers merge.
  case strings
  /// Constants of one size that linkers merge.
  case records(UInt64)
  case data(ObjectPiece.Kind)

  /// Nil for what is not loaded, and for what only describes the rest: unwind tables, notes, lists of constructors.
  init?(_ section: ELFSection, in file: ELFFile) {
    guard section.flags.contains(.allocated), section.byteCount > 0 else { return nil }
    let name = file.name(of: section)
    guard !Self.described.contains(where: name.hasPrefix) else { return nil }
    switch section.flags {
    case let flags where flags.contains(.executable): self = .code
    case let flags where flags.contains(.threadLocal): self = .data(.threadLocal)
    case let flags where flags.contains(.write):
      self = .data(name.hasPrefix(".data.rel.ro") ? .constant : .variable)
    case let flags where flags.contains(.strings) && flags.contains(.mergeable): self = .strings
    case let flags where flags.contains(.mergeable) && section.entrySize > 0: self = .records(section.entrySize)
    default: self = .data(.constant)
    }
  }

  private static let described = [
    ".eh_frame", ".note", ".init_array", ".fini_array", ".preinit_array", ".ctors", ".dtors", ".gcc_except_table",
    ".stack_sizes", ".sframe",
  ]
}
