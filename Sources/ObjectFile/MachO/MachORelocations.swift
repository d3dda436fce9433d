import Addressing

extension MachOFile {
  /// The relocations of a section of an object, in the order of the file (from the section's end to its start, as
  /// assemblers write them), pairs brought together.
  public func relocations(of section: MachOSection) throws(ObjectFileError) -> [MachORelocation] {
    guard section.relocationCount > 0 else { return [] }
    let table = try view.table(
      at: section.relocationOffset.rawValue, count: UInt64(section.relocationCount),
      entryByteCount: UInt64(MachORelocationRecord.byteCount))
    guard !section.type.isZeroFill else {
      throw failure(.unexpectedSectionType, in: section, detail: "relocations of a section of zeros")
    }
    var reader = MachORelocationReader(
      file: self, section: section, contents: try contents(of: section), symbolCount: try symbolTable()?.count ?? 0)
    for at in stride(from: 0, to: table.count, by: MachORelocationRecord.byteCount) {
      try reader.take(MachORelocationRecord(table, at: at), at: table.fileOffset.advanced(by: UInt64(at)))
    }
    return try reader.finish()
  }
}

/// Reads records one by one; what a first record of a pair says is kept for the second.
private struct MachORelocationReader {
  let file: MachOFile
  let section: MachOSection
  let contents: ByteView
  let symbolCount: Int
  private var result: [MachORelocation] = []
  private var subtractor: MachORelocationRecord?
  private var addend: (record: MachORelocationRecord, value: Int64)?

  init(file: MachOFile, section: MachOSection, contents: ByteView, symbolCount: Int) {
    self.file = file
    self.section = section
    self.contents = contents
    self.symbolCount = symbolCount
  }

  mutating func finish() throws(ObjectFileError) -> [MachORelocation] {
    guard subtractor == nil, addend == nil else {
      throw file.failure(.malformedTable, in: section, detail: "the last relocation lacks the second of its pair")
    }
    return result
  }

  mutating func take(_ record: MachORelocationRecord, at offset: FileOffset?) throws(ObjectFileError) {
    func failure(_ code: ObjectFileError.Code, _ detail: String) -> ObjectFileError {
      file.failure(code, at: offset, in: section, detail: detail)
    }
    guard !record.isScattered else { throw failure(.unsupportedRelocation, "a scattered one") }
    guard let form = MachORelocationForm(file.header.machine, type: record.type) else {
      throw failure(.unsupportedRelocation, "r_type \(record.type) of \(file.header.machine)")
    }
    guard form.role != .authenticated else {
      throw failure(.pointerAuthentication, "ARM64_RELOC_AUTHENTICATED_POINTER")
    }
    guard form.shapes.contains(where: { $0 == (record.length, record.isPCRelative) }) else {
      throw failure(
        .unsupportedRelocation,
        "r_type \(record.type) with r_length \(record.length)\(record.isPCRelative ? ", relative" : "")")
    }
    guard UInt64(record.offset) + UInt64(record.fieldByteCount) <= UInt64(contents.count) else {
      throw failure(.truncated, "it changes bytes at 0x\(String(record.offset, radix: 16)), behind the section")
    }
    let first = subtractor ?? addend?.record
    guard first.map({ $0.offset == record.offset }) ?? true else {
      throw failure(.malformedTable, "the records of a pair are for different places")
    }
    switch form.role {
    case .authenticated: break
    case .addend:
      guard first == nil else { throw failure(.malformedTable, "an addend behind the first of a pair") }
      // Signed, in 24 bits.
      addend = (record, Int64(Int32(bitPattern: record.number << 8) >> 8))
    case .subtractor:
      guard first == nil else { throw failure(.malformedTable, "a subtrahend behind the first of a pair") }
      guard record.isExternal else {
        throw failure(.unsupportedRelocation, "the start of a section is subtracted; compile with symbols kept")
      }
      guard record.number < symbolCount else { throw badSymbol(record, at: offset) }
      subtractor = record
    case .whole(let kind):
      try append(record, kind, form, at: offset)
      (subtractor, addend) = (nil, nil)
    }
  }

  private func badSymbol(_ record: MachORelocationRecord, at offset: FileOffset?) -> ObjectFileError {
    file.failure(.badSymbolIndex, at: offset, in: section, detail: "symbol \(record.number) of \(symbolCount)")
  }

  private mutating func append(
    _ record: MachORelocationRecord, _ kind: MachORelocationKind, _ form: MachORelocationForm, at offset: FileOffset?
  ) throws(ObjectFileError) {
    func failure(_ code: ObjectFileError.Code, _ detail: String) -> ObjectFileError {
      file.failure(code, at: offset, in: section, detail: detail)
    }
    if let subtractor {
      guard kind == .absolute, subtractor.length == record.length else {
        throw failure(.malformedTable, "a subtrahend without an absolute field of its size")
      }
    }
    if addend != nil {
      guard [.armBranch26, .armPage21, .armPageOffset12].contains(kind) else {
        throw failure(.malformedTable, "an addend before r_type \(record.type)")
      }
    }
    let isX86 = file.header.machine == .x86_64
    let next = record.isPCRelative && isX86 ? Int64(record.fieldByteCount) + form.trailing : 0
    // What x86-64 stores counts from the end of the instruction; an addend counts from the target.
    var total = try storedAddend(record, kind) &+ form.trailing
    if let addend { total = addend.value }
    let target: MachORelocationTarget
    if record.isExternal {
      guard record.number < symbolCount else { throw badSymbol(record, at: offset) }
      target = .symbol(Int(record.number))
    } else {
      guard form.maySection else { throw failure(.unsupportedRelocation, "r_type \(record.type) without a symbol") }
      let referred = try file.section(ordinal: Int(record.number))
      target = .section(referred.ordinal)
      // The bytes in place are then the address, or the displacement, in the object's own layout.
      if record.isPCRelative {
        total &+= Int64(bitPattern: section.address.rawValue) &+ Int64(record.offset) &+ Int64(record.fieldByteCount)
      }
      total &-= Int64(bitPattern: referred.address.rawValue)
    }
    result.append(
      MachORelocation(
        offset: UInt64(record.offset), kind: kind, byteCount: record.fieldByteCount,
        isPCRelative: record.isPCRelative, target: target, addend: total,
        subtrahend: subtractor.map { Int($0.number) }, distanceToNextInstruction: next))
  }

  /// What the bytes in place add. Nothing on arm64 but for absolute fields: instructions have their addend in a record of
  /// its own, and under ARM64_RELOC_POINTER_TO_GOT assemblers leave bytes that mean nothing.
  ///
  /// - Precondition: the field lies within the section.
  private func storedAddend(_ record: MachORelocationRecord, _ kind: MachORelocationKind) throws(ObjectFileError)
    -> Int64
  {
    let at = Int(record.offset)
    switch (kind, file.header.machine) {
    case (.absolute, _), (_, .x86_64):
      switch record.length {
      case 0: return Int64(try contents.load(Int8.self, at: at))
      case 2: return Int64(try contents.load(Int32.self, at: at))
      default: return try contents.load(Int64.self, at: at)
      }
    default: return 0
    }
  }
}
