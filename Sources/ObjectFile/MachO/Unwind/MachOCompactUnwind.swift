import Addressing

/// What an object says of one function in `__LD,__compact_unwind`: linkers make `__unwind_info` of it.
///
/// Source: the records that LLVM's assembler writes (lib/MC/MCDwarf.cpp, FrameEmitterImpl::EmitCompactUnwind).
public struct MachOCompactUnwind: Hashable, Sendable {
  /// A place in one of the object's sections.
  public struct Place: Hashable, Sendable {
    /// Counted from 1.
    public let sectionOrdinal: Int
    public let offset: UInt64
  }

  public let function: Place
  public let byteCount: UInt32
  /// Without the number of the personality routine, which is the linker's to give.
  public let encoding: UInt32
  /// The routine that reads the exception table: the symbol's index.
  public let personality: Int?
  /// The function's exception table (LSDA).
  public let exceptionTable: Place?
}

extension MachOFile {
  /// In the order of the object; none where it has no such section.
  public func compactUnwind() throws(ObjectFileError) -> [MachOCompactUnwind] {
    guard let section = section(named: "__compact_unwind", in: "__LD") else { return [] }
    let contents = try contents(of: section)
    guard contents.count.isMultiple(of: Self.compactUnwindByteCount) else {
      throw failure(.badEntrySize, at: section.fileOffset, in: section, detail: "\(contents.count) bytes")
    }
    var fields: [UInt64: MachORelocation] = [:]
    for relocation in try relocations(of: section) where relocation.kind == .absolute {
      fields[relocation.offset] = relocation
    }
    var result: [MachOCompactUnwind] = []
    for at in stride(from: 0, to: contents.count, by: Self.compactUnwindByteCount) {
      guard let function = try place(fields[UInt64(at)]) else { continue }
      let encoding = try contents.load(UInt32.self, at: at + 12)
      result.append(
        MachOCompactUnwind(
          function: function, byteCount: try contents.load(UInt32.self, at: at + 8),
          encoding: encoding & ~MachOUnwindInfo.personalityMask,
          personality: try fields[UInt64(at + 16)].map { (field) throws(ObjectFileError) in
            try symbol(field, in: section)
          }, exceptionTable: try place(fields[UInt64(at + 24)])))
    }
    return result
  }

  /// Address, length, encoding, personality, exception table.
  private static let compactUnwindByteCount = 32

  private func symbol(_ field: MachORelocation, in section: MachOSection) throws(ObjectFileError) -> Int {
    if case .symbol(let index) = field.target { return index }
    // A routine of the object itself, named by where it stands.
    guard let place = try place(field), let table = try symbolTable(),
      let found = table.first(where: { symbol in
        symbol.sectionOrdinal == place.sectionOrdinal && !symbol.isDebugging
          && symbol.value &- sections[place.sectionOrdinal - 1].address.rawValue == place.offset
      })
    else { throw failure(.malformedTable, in: section, detail: "a personality routine without a name") }
    return found.index
  }

  /// Nil for a field without a relocation, or one that leads to another object.
  private func place(_ field: MachORelocation?) throws(ObjectFileError) -> MachOCompactUnwind.Place? {
    guard let field else { return nil }
    switch field.target {
    case .section(let ordinal):
      return MachOCompactUnwind.Place(sectionOrdinal: ordinal, offset: UInt64(bitPattern: field.addend))
    case .symbol(let index):
      guard let symbol = try symbolTable()?.symbol(at: index), let ordinal = symbol.sectionOrdinal else { return nil }
      let home = try section(ordinal: ordinal)
      return MachOCompactUnwind.Place(
        sectionOrdinal: ordinal,
        offset: symbol.value &- home.address.rawValue &+ UInt64(bitPattern: field.addend))
    }
  }
}
