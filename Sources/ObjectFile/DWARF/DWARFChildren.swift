/// The entries directly below another one, each passed over with all that is below it.
struct DWARFChildren {
  private let reader: DWARFReader
  private let unit: Int
  private var cursor: DWARFCursor
  private var current: DWARFEntry?

  /// - Precondition: the entry's abbreviation has children.
  init(of entry: DWARFEntry, _ reader: DWARFReader) throws(ObjectFileError) {
    self.reader = reader
    unit = entry.unit
    cursor = DWARFCursor(reader.section(.info), at: entry.attributes, end: reader.units[entry.unit].end)
    try reader.skipAttributes(of: entry, &cursor)
  }

  mutating func next() throws(ObjectFileError) -> DWARFEntry? {
    let start = cursor.offset
    if let current {
      try reader.skipAttributes(of: current, &cursor)
      if current.abbreviation.hasChildren { try reader.skipChildren(&cursor, in: unit) }
    }
    current = try reader.entry(&cursor, in: unit)
    try reader.charge(cursor.offset - start + 8)
    return current
  }
}

/// How many elements a dimension of an array has.
struct DWARFArrayBound {
  /// Nil where the type does not tell: a flexible array member, a size computed at run time; gcc writes a variable that
  /// was first declared without a bound so, too.
  var count: UInt64?

  init(_ entry: DWARFEntry, _ reader: DWARFReader) throws(ObjectFileError) {
    var (upper, lower): (UInt64?, UInt64) = (nil, 0)
    var attributes = reader.attributes(of: entry)
    while let (attribute, value) = try attributes.next() {
      switch attribute {
      case .count: count = value.bits
      case .upperBound: upper = value.bits
      case .lowerBound: lower = value.bits ?? 0
      default: break
      }
    }
    // clang writes a count of -1 for a flexible array in version 4 and before.
    if count == .max { count = nil }
    if count == nil, let upper { count = upper &- lower &+ 1 }
  }
}

/// Where a function's parameters and result are told: a definition refers to its declaration (`DW_AT_specification`), a
/// compiled body to what was inlined elsewhere (`DW_AT_abstract_origin`).
struct DWARFPrototypeSource {
  var parameters: DWARFEntry
  var result: DWARFValue?

  init(_ entry: DWARFEntry, _ reader: DWARFReader) throws(ObjectFileError) {
    parameters = entry
    var next: DWARFEntry? = entry
    // Body, abstract instance, declaration: three steps in practice.
    for _ in 0..<8 {
      guard let current = next else { return }
      next = nil
      var attributes = reader.attributes(of: current)
      while let (attribute, value) = try attributes.next() {
        switch attribute {
        case .type: if result == nil { result = value }
        case .abstractOrigin:
          next = try reader.entry(value)
          // A clone may have lost parameters; the origin has those of the source.
          if let next { parameters = next }
        case .specification: next = try reader.entry(value)
        default: break
        }
      }
    }
  }

  static func type(of parameter: DWARFEntry, _ reader: DWARFReader) throws(ObjectFileError) -> DWARFValue? {
    var next: DWARFEntry? = parameter
    for _ in 0..<8 {
      guard let current = next else { return nil }
      next = nil
      var attributes = reader.attributes(of: current)
      while let (attribute, value) = try attributes.next() {
        switch attribute {
        case .type: return value
        case .abstractOrigin: next = try reader.entry(value)
        default: break
        }
      }
    }
    return nil
  }
}
