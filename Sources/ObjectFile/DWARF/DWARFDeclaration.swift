/// What the entry of a function or variable says of it, together with the entries that it refers to: a definition to
/// its declaration, a compiled body to its abstract instance. What stands nearer wins.
struct DWARFDeclaration {
  var name: UnsafeRawBufferPointer?
  var linkageName: UnsafeRawBufferPointer?
  var type: DWARFValue?
  var isExternal = false
  /// Whether the entry itself only declares.
  var isDeclaration = false
  /// `DW_AT_inline` of this entry or of the abstract instance.
  var isInlined = false
  /// Whether this entry is the abstract instance itself, of which no code stands anywhere.
  var isAbstract = false
  var abstractOrigin: Int?
  var lowPC: DWARFValue?
  var highPC: DWARFValue?
  var ranges: DWARFValue?
  var file: UInt64?
  /// The unit of the entry that all others lead to: the one that tells the type.
  var origin: Int
  /// The unit whose line table has the file.
  var fileUnit: Int
  var line: UInt64 = 0

  init(_ entry: DWARFEntry, _ reader: DWARFReader) throws(ObjectFileError) {
    (origin, fileUnit) = (entry.unit, entry.unit)
    var next: DWARFEntry? = entry
    // Body, abstract instance, declaration: three steps in practice.
    for step in 0..<8 {
      guard let current = next else { return }
      next = nil
      origin = current.unit
      var attributes = reader.attributes(of: current)
      while let (attribute, value) = try attributes.next() {
        switch attribute {
        case .specification: next = try reader.entry(value)
        case .abstractOrigin:
          next = try reader.entry(value)
          if let next, step == 0 { abstractOrigin = next.offset }
        case .lowPC where step == 0: lowPC = value
        case .highPC where step == 0: highPC = value
        case .ranges where step == 0: ranges = value
        case .declaration where step == 0: isDeclaration = value.isTrue
        default: try merge(attribute, value, from: current, isFirst: step == 0, reader)
        }
      }
    }
  }

  private mutating func merge(
    _ attribute: DWARFAttributeName, _ value: DWARFValue, from entry: DWARFEntry, isFirst: Bool, _ reader: DWARFReader
  ) throws(ObjectFileError) {
    switch attribute {
    case .name: if name == nil { name = try reader.string(value, in: entry.unit) }
    case .linkageName, .mipsLinkageName:
      if linkageName == nil { linkageName = try reader.string(value, in: entry.unit) }
    case .type: if type == nil { type = value }
    case .external: isExternal = isExternal || value.isTrue
    case .inline:
      // 1 and 3 of DW_INL_* say that it was inlined somewhere.
      guard let kind = value.unsigned, kind == 1 || kind == 3 else { return }
      isInlined = true
      if isFirst { isAbstract = true }
    case .declarationFile:
      if file == nil { (file, fileUnit) = (value.unsigned, entry.unit) }
    case .declarationLine: if line == 0 { line = value.unsigned ?? 0 }
    default: break
    }
  }
}
