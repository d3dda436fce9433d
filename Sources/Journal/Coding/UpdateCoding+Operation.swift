import Addressing

/// The first byte of an encoded operation.
private enum OperationTag: UInt8 {
  case write = 1
  case resize = 2
  case pointer = 3
  case bind = 4
  case map = 5
  case protect = 6
}

private enum PlaceTag: UInt8 {
  case virtual = 1
  case file = 2
}

private enum InitialTag: UInt8 {
  case none = 0
  case existing = 1
  case new = 2
  case moved = 3
}

extension UpdateEncoder {
  mutating func append(_ operation: Operation) throws(JournalError) {
    switch operation {
    case .write(let write): try append(write)
    case .resize(let resize):
      writer.append(OperationTag.resize.rawValue)
      writer.append(varint: resize.before)
      writer.append(varint: resize.after)
    case .pointer(let pointer): try append(pointer)
    case .bind(let bind): try append(bind)
    case .map(let map):
      writer.append(OperationTag.map.rawValue)
      writer.append(map.range)
      try append(map.protection)
      writer.append(map.isMappedBefore)
      writer.append(map.isMappedAfter)
    case .protect(let protect):
      writer.append(OperationTag.protect.rawValue)
      writer.append(protect.range)
      try append(protect.found)
      try append(protect.wanted)
    }
  }

  private mutating func append(_ write: WriteOperation) throws(JournalError) {
    guard write.before.count == write.after.count else {
      throw refusal("before and after of a write differ in length", operation: operation)
    }
    if let objection = Payload.objection(to: write.fixups, byteCount: write.after.count, place: write.place) {
      throw refusal(objection, operation: operation)
    }
    writer.append(OperationTag.write.rawValue)
    switch write.place {
    case .virtual(let address):
      guard AddressRange(validating: address, byteCount: UInt64(write.after.count)) != nil else {
        throw refusal("a write leaves the address space", operation: operation)
      }
      writer.append(PlaceTag.virtual.rawValue)
      writer.append(address)
    case .file(let offset):
      guard offset.advanced(by: UInt64(write.after.count)) != nil else {
        throw refusal("a write goes beyond any file", operation: operation)
      }
      writer.append(PlaceTag.file.rawValue)
      writer.append(varint: offset.rawValue)
    }
    let masked = Payload.masked(write.after, fixups: write.fixups)
    if case .virtual(let start) = write.place, !Payload.holds(write.after, fixups: write.fixups, start: start) {
      throw refusal("a field holds another value than its fixup gives", operation: operation)
    }
    try append(payload: write.before, PayloadRole.content(operation: operation, place: write.place, isAfter: false))
    try append(payload: masked, PayloadRole.content(operation: operation, place: write.place, isAfter: true))
    append(write.fixups)
    append(write.initial)
    writer.append(write.isFresh)
  }

  private mutating func append(_ fixups: [Fixup]) {
    writer.append(count: fixups.count)
    var end: UInt32 = 0
    for fixup in fixups {
      writer.append(varint: UInt64(fixup.offset - end))
      writer.append(fixup.kind.rawValue)
      writer.append(fixup.target)
      writer.append(signed: fixup.addend)
      end = fixup.offset + UInt32(fixup.byteCount)
    }
  }

  private mutating func append(_ pointer: PointerOperation) throws(JournalError) {
    writer.append(OperationTag.pointer.rawValue)
    try append(cell: pointer.cell)
    writer.append(optional: pointer.before)
    writer.append(optional: pointer.after)
    writer.append(varint: pointer.wordBefore)
    writer.append(varint: pointer.wordAfter)
    try append(pointer.records)
    append(pointer.initial)
    writer.append(pointer.isFresh)
  }

  private mutating func append(_ bind: BindOperation) throws(JournalError) {
    writer.append(OperationTag.bind.rawValue)
    try append(cell: bind.cell)
    writer.append(optional: bind.before) { $0.append($1) }
    writer.append(optional: bind.after) { $0.append($1) }
    writer.append(varint: bind.wordBefore)
    writer.append(varint: bind.wordAfter)
    try append(bind.records)
    append(bind.initial)
    writer.append(bind.isFresh)
  }

  private mutating func append(cell: VirtualAddress) throws(JournalError) {
    guard cell.rawValue % 8 == 0 else { throw refusal("a cell is not aligned to 8 bytes", operation: operation) }
    writer.append(cell)
  }

  private mutating func append(_ records: [FileEdit]) throws(JournalError) {
    writer.append(count: records.count)
    for record in records {
      guard record.before.count == record.after.count else {
        throw refusal("before and after of a record differ in length", operation: operation)
      }
      guard record.offset.advanced(by: UInt64(record.after.count)) != nil else {
        throw refusal("a record goes beyond any file", operation: operation)
      }
      writer.append(varint: record.offset.rawValue)
      let place = WriteOperation.Place.file(record.offset)
      try append(payload: record.before, PayloadRole.content(operation: operation, place: place, isAfter: false))
      try append(payload: record.after, PayloadRole.content(operation: operation, place: place, isAfter: true))
    }
  }

  private mutating func append(_ initial: InitialRoom?) {
    switch initial {
    case nil: writer.append(InitialTag.none.rawValue)
    case .existing: writer.append(InitialTag.existing.rawValue)
    case .new(let flag):
      writer.append(InitialTag.new.rawValue)
      writer.append(flag)
    case .moved(let origin):
      writer.append(InitialTag.moved.rawValue)
      writer.append(origin)
    }
  }

  private mutating func append(_ protection: PageProtection) throws(JournalError) {
    guard protection.rawValue < 8 else { throw refusal("unknown protection bits", operation: operation) }
    writer.append(protection.rawValue)
  }
}

extension UpdateDecoder {
  mutating func operation() throws(JournalError) -> Operation {
    switch try reader.kind(OperationTag.self) {
    case .write: return .write(try write())
    case .resize: return .resize(ResizeOperation(before: try reader.varint(), after: try reader.varint()))
    case .pointer: return .pointer(try pointer())
    case .bind: return .bind(try bind())
    case .map:
      return .map(
        MapOperation(
          range: try reader.range(), protection: try protection(), isMappedBefore: try reader.flag(),
          isMappedAfter: try reader.flag()))
    case .protect:
      return .protect(
        ProtectOperation(range: try reader.range(), found: try protection(), wanted: try protection()))
    }
  }

  private mutating func write() throws(JournalError) -> WriteOperation {
    let place = try place()
    let before = try payload()
    let masked = try payload()
    guard before.count == masked.count else { throw reader.refusal("before and after of a write differ in length") }
    let fixups = try fixups()
    if let objection = Payload.objection(to: fixups, byteCount: masked.count, place: place) {
      throw reader.refusal(objection)
    }
    guard Payload.masked(masked, fixups: fixups) == masked else {
      throw reader.refusal("a field holds another value than its fixup gives")
    }
    var after = masked
    switch place {
    case .virtual(let start):
      guard AddressRange(validating: start, byteCount: UInt64(masked.count)) != nil else {
        throw reader.refusal("a write leaves the address space")
      }
      after = Payload.filled(masked, fixups: fixups, start: start)
    case .file(let offset):
      guard offset.advanced(by: UInt64(masked.count)) != nil else {
        throw reader.refusal("a write goes beyond any file")
      }
    }
    return WriteOperation(
      place: place, before: before, after: after, fixups: fixups, initial: try initial(), isFresh: try reader.flag())
  }

  private mutating func place() throws(JournalError) -> WriteOperation.Place {
    switch try reader.kind(PlaceTag.self) {
    case .virtual: .virtual(try reader.address())
    case .file: .file(FileOffset(try reader.varint()))
    }
  }

  private mutating func fixups() throws(JournalError) -> [Fixup] {
    var fixups: [Fixup] = []
    var end: UInt64 = 0
    for _ in 0..<(try reader.count()) {
      let (offset, overflow) = end.addingReportingOverflow(try reader.varint())
      guard !overflow, let narrow = UInt32(exactly: offset) else {
        throw reader.refusal("a fixup goes beyond its write")
      }
      let fixup = Fixup(
        offset: narrow, kind: try reader.kind(Fixup.Kind.self), target: try reader.address(),
        addend: try reader.signed())
      fixups.append(fixup)
      end = offset + UInt64(fixup.byteCount)
    }
    return fixups
  }

  private mutating func pointer() throws(JournalError) -> PointerOperation {
    PointerOperation(
      cell: try cell(), before: try reader.optionalAddress(), after: try reader.optionalAddress(),
      wordBefore: try reader.varint(), wordAfter: try reader.varint(), records: try records(),
      initial: try initial(), isFresh: try reader.flag())
  }

  private mutating func bind() throws(JournalError) -> BindOperation {
    BindOperation(
      cell: try cell(), before: try importedSymbol(), after: try importedSymbol(),
      wordBefore: try reader.varint(), wordAfter: try reader.varint(), records: try records(),
      initial: try initial(), isFresh: try reader.flag())
  }

  private mutating func cell() throws(JournalError) -> VirtualAddress {
    let cell = try reader.address()
    guard cell.rawValue % 8 == 0 else { throw reader.refusal("a cell is not aligned to 8 bytes") }
    return cell
  }

  private mutating func importedSymbol() throws(JournalError) -> ImportedSymbol? {
    guard try reader.flag() else { return nil }
    return ImportedSymbol(
      name: try reader.text(), version: try reader.optionalText(), library: try reader.optionalText(),
      addend: try reader.signed())
  }

  private mutating func records() throws(JournalError) -> [FileEdit] {
    var records: [FileEdit] = []
    for _ in 0..<(try reader.count()) {
      let offset = FileOffset(try reader.varint())
      let before = try payload()
      let after = try payload()
      guard before.count == after.count else {
        throw reader.refusal("before and after of a record differ in length")
      }
      guard offset.advanced(by: UInt64(after.count)) != nil else {
        throw reader.refusal("a record goes beyond any file")
      }
      records.append(FileEdit(offset: offset, before: before, after: after))
    }
    return records
  }

  private mutating func initial() throws(JournalError) -> InitialRoom? {
    switch try reader.kind(InitialTag.self) {
    case .none: nil
    case .existing: .existing
    case .new: .new(flag: try reader.address())
    case .moved: .moved(from: try reader.address())
    }
  }

  private mutating func protection() throws(JournalError) -> PageProtection {
    let raw = try reader.byte()
    guard raw < 8 else { throw reader.refusal("unknown protection bits") }
    return PageProtection(rawValue: raw)
  }
}

extension ByteWriter {
  fileprivate mutating func append(_ symbol: ImportedSymbol) {
    append(symbol.name)
    append(optional: symbol.version)
    append(optional: symbol.library)
    append(signed: symbol.addend)
  }
}
