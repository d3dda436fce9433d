extension MachOFile {
  /// The segments as fixups name them.
  public var segmentPlaces: MachOSegmentPlaces {
    MachOSegmentPlaces(
      segments.map {
        MachOSegmentPlace(
          name: $0.name, range: $0.range, fileOffset: $0.fileOffset, fileByteCount: $0.fileByteCount)
      })
  }

  /// The words to which the slide is added by opcodes. Nil in objects and in images with chained fixups.
  public func rebases() throws(ObjectFileError) -> MachORebases? {
    guard let info = try loaderInfo() else { return nil }
    return try MachORebases(info.rebases, in: segmentPlaces)
  }

  /// The words that opcodes bind to symbols. Nil in objects and in images with chained fixups.
  public func binds(_ kind: MachOBindStream) throws(ObjectFileError) -> MachOBinds? {
    guard let info = try loaderInfo() else { return nil }
    let stream =
      switch kind {
      case .regular: info.binds
      case .weak: info.weakBinds
      case .lazy: info.lazyBinds
      }
    return try MachOBinds(stream, kind: kind, libraryCount: libraries().count, in: segmentPlaces)
  }

  /// LC_DYLD_CHAINED_FIXUPS. Nil where there is none.
  public func chainedFixups() throws(ObjectFileError) -> MachOChainedFixups? {
    guard let payload = try linkEditData(.chainedFixups) else { return nil }
    return try MachOChainedFixups(payload, libraryCount: libraries().count, in: segmentPlaces)
  }

  /// What the image exports, from LC_DYLD_EXPORTS_TRIE or LC_DYLD_INFO_ONLY. Nil where it has neither.
  public func exportTrie() throws(ObjectFileError) -> MachOExportTrie? {
    if let trie = try linkEditData(.exportsTrie) { return try MachOExportTrie(trie) }
    return try loaderInfo().map { info throws(ObjectFileError) in try MachOExportTrie(info.exports) }
  }
}
