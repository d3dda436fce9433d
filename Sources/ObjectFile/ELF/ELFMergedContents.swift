/// A section whose equal pieces a linker may keep once (gABI, Sections: SHF_MERGE, SHF_STRINGS).
public struct ELFMergedContents: Sendable {
  public let view: ByteView
  /// Bytes of a constant, or of a character.
  public let entrySize: Int
  /// Pieces end in a zero character; else each piece is one entry.
  public let isStrings: Bool

  /// The piece that holds the byte at `offset`, its zero character included: a reference may point into the middle.
  public func piece(containing offset: UInt64) throws(ObjectFileError) -> (offset: UInt64, bytes: ByteView) {
    guard offset < UInt64(view.count) else {
      _ = try view.slice(offset, 1)
      return (0, view)
    }
    let entry = Int(offset) / entrySize
    guard isStrings else {
      let start = UInt64(entry * entrySize)
      return (start, try view.slice(start, UInt64(entrySize)))
    }
    var first = entry
    while first > 0, !isZero(entry: first - 1) { first -= 1 }
    var last = entry
    while last < entryCount, !isZero(entry: last) { last += 1 }
    guard last < entryCount else {
      throw ObjectFileError(.badString, file: view.fileName, offset: view.fileOffset, detail: "no zero ends it")
    }
    let start = UInt64(first * entrySize)
    return (start, try view.slice(start, UInt64((last - first + 1) * entrySize)))
  }

  var entryCount: Int { view.count / entrySize }

  private func isZero(entry: Int) -> Bool {
    for at in entry * entrySize..<(entry + 1) * entrySize where view.loadValidated(UInt8.self, at: at) != 0 {
      return false
    }
    return true
  }
}

extension ELFFile {
  /// The contents of a SHF_MERGE section; nil for a section that is not to be merged.
  ///
  /// An entry size of 0, or one that does not divide the section, makes it an ordinary section, as linkers hold it.
  public func mergedContents(of section: ELFSection) throws(ObjectFileError) -> ELFMergedContents? {
    guard section.flags.contains(.mergeable), section.type != .noBits, section.entrySize > 0,
      section.byteCount.isMultiple(of: section.entrySize), let entrySize = Int(exactly: section.entrySize)
    else { return nil }
    return ELFMergedContents(
      view: try contents(of: section), entrySize: entrySize, isStrings: section.flags.contains(.strings))
  }

  /// The string or constant at an offset of a SHF_MERGE section, from that offset to its end.
  public func mergedString(in section: ELFSection, at offset: UInt64) throws(ObjectFileError) -> ByteView {
    guard let merged = try mergedContents(of: section) else {
      throw failure(.unexpectedSectionType, in: section, detail: "it holds no merged strings")
    }
    let piece = try merged.piece(containing: offset)
    return try piece.bytes.suffix(from: offset - piece.offset)
  }
}
