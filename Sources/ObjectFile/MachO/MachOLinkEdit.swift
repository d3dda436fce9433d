public import Addressing

/// What `__LINKEDIT` holds for the loader (`struct dyld_info_command`): five streams, each where it stands in the file,
/// empty where there is none.
public struct MachOLoaderInfo: Sendable {
  public let rebases: ByteView
  public let binds: ByteView
  public let weakBinds: ByteView
  public let lazyBinds: ByteView
  public let exports: ByteView
}

/// LC_DYSYMTAB: how the symbols are ordered, and the table of indirect symbols.
public struct MachODynamicSymbols: Sendable {
  /// Indexes in the symbol table.
  public let locals: Range<Int>
  public let definedExternals: Range<Int>
  public let undefined: Range<Int>
  /// 32-bit numbers; see `MachOFile.indirectSymbols(of:)`.
  public let indirectSymbols: ByteView
}

extension MachOFile {
  /// The data that a command of `struct linkedit_data_command` leads to. Nil where the file has no such command.
  ///
  /// For code signature, chained fixups, exports trie, function starts, data in code, optimization hints.
  public func linkEditData(_ kind: MachOLoadCommandKind) throws(ObjectFileError) -> ByteView? {
    precondition(MachOLoadCommandKind.linkEditData.contains(kind), "\(kind) leads to no data")
    guard let command = loadCommands.first(kind) else { return nil }
    return try range(command, at: 8)
  }

  /// The loader's opcodes: LC_DYLD_INFO_ONLY or LC_DYLD_INFO. Nil in objects and in images with chained fixups.
  public func loaderInfo() throws(ObjectFileError) -> MachOLoaderInfo? {
    guard let command = loadCommands.first(.loaderInfoOnly) ?? loadCommands.first(.loaderInfo) else { return nil }
    guard loadCommands.first(.chainedFixups) == nil else {
      throw failure(.duplicateTable, at: command.fileOffset, detail: "loader information beside chained fixups")
    }
    return MachOLoaderInfo(
      rebases: try range(command, at: 8), binds: try range(command, at: 16), weakBinds: try range(command, at: 24),
      lazyBinds: try range(command, at: 32), exports: try range(command, at: 40))
  }

  private func range(_ command: MachOLoadCommand, at offset: Int) throws(ObjectFileError) -> ByteView {
    let start = UInt64(try command.view.load(UInt32.self, at: offset))
    let count = UInt64(try command.view.load(UInt32.self, at: offset + 4))
    return try count == 0 ? view.slice(0, 0) : view.slice(start, count)
  }

  public func dynamicSymbols() throws(ObjectFileError) -> MachODynamicSymbols? {
    guard let command = loadCommands.first(.dynamicSymbolTable) else { return nil }
    let symbolCount = try symbolTable()?.count ?? 0
    func range(at offset: Int) throws(ObjectFileError) -> Range<Int> {
      let start = Int(try command.view.load(UInt32.self, at: offset))
      let count = Int(try command.view.load(UInt32.self, at: offset + 4))
      guard start <= symbolCount, count <= symbolCount - start else {
        // An empty range may begin anywhere.
        if count == 0 { return 0..<0 }
        throw failure(
          .badSymbolIndex, at: command.fileOffset, detail: "symbols \(start) to \(start + count) of \(symbolCount)")
      }
      return start..<start + count
    }
    // extreloff, nextrel, locreloff, nlocrel: relocations of a whole image, which only old images and kernel extensions
    // have.
    guard try command.view.load(UInt32.self, at: 68) == 0, try command.view.load(UInt32.self, at: 76) == 0 else {
      throw failure(.unsupportedRelocation, at: command.fileOffset, detail: "relocations outside of sections")
    }
    return MachODynamicSymbols(
      locals: try range(at: 8), definedExternals: try range(at: 16), undefined: try range(at: 24),
      indirectSymbols: try view.table(
        at: UInt64(try command.view.load(UInt32.self, at: 56)),
        count: UInt64(try command.view.load(UInt32.self, at: 60)),
        entryByteCount: 4))
  }
}

/// Which symbol a pointer or a stub stands for.
public struct MachOIndirectSymbol: Hashable, Sendable {
  public let range: AddressRange
  /// Nil where the linker resolved it already (INDIRECT_SYMBOL_LOCAL, INDIRECT_SYMBOL_ABS).
  public let symbolIndex: Int?
  /// INDIRECT_SYMBOL_ABS
  public let isAbsolute: Bool
}

extension MachOFile {
  /// What the pointers or stubs of a section stand for, in the section's order: as many as the table has entries for.
  public func indirectSymbols(of section: MachOSection) throws(ObjectFileError) -> [MachOIndirectSymbol] {
    let entryByteCount: UInt64
    switch section.type {
    case .nonLazyPointers, .lazyPointers, .lazyLibraryPointers, .threadLocalPointers: entryByteCount = 8
    case .stubs: entryByteCount = UInt64(section.stubByteCount)
    default: return []
    }
    guard entryByteCount > 0, section.byteCount.isMultiple(of: entryByteCount) else {
      throw failure(
        .badEntrySize, in: section, detail: "\(section.byteCount) bytes of entries of \(entryByteCount) each")
    }
    guard let dynamic = try dynamicSymbols() else {
      guard section.byteCount == 0 else { throw failure(.malformedTable, in: section, detail: "no LC_DYSYMTAB") }
      return []
    }
    let symbolCount = try symbolTable()?.count ?? 0
    // Zig 0.10 leaves the pointers of __la_symbol_ptr without entries: the table ends before them.
    let first = min(UInt64(section.indirectSymbolIndex) * 4, UInt64(dynamic.indirectSymbols.count))
    let wanted = min(section.byteCount / entryByteCount * 4, UInt64(dynamic.indirectSymbols.count) - first)
    let entries = try dynamic.indirectSymbols.slice(first, wanted)
    var result: [MachOIndirectSymbol] = []
    for index in 0..<entries.count / 4 {
      let raw = entries.loadValidated(UInt32.self, at: index * 4)
      let isResolved = raw & 0xC000_0000 != 0
      guard isResolved || Int(raw) < symbolCount else {
        throw failure(.badSymbolIndex, in: section, detail: "indirect symbol \(raw) of \(symbolCount)")
      }
      result.append(
        MachOIndirectSymbol(
          range: AddressRange(
            start: VirtualAddress(section.address.rawValue + UInt64(index) * entryByteCount), byteCount: entryByteCount),
          symbolIndex: isResolved ? nil : Int(raw), isAbsolute: raw & 0x4000_0000 != 0))
    }
    return result
  }
}
