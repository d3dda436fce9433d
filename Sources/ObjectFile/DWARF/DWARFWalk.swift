/// What a walk over the entries of one unit has found, in their order.
struct DWARFFindings {
  struct Function {
    var entry: DWARFEntry
    /// The entry of the function in which it is nested.
    var parent: Int?
    var qualifier: [UInt8]
  }

  struct Variable {
    var entry: DWARFEntry
    var location: DWARFLocation
    var isThreadLocal: Bool
    /// The subprogram or inlined subroutine that it is declared in.
    var function: Int?
    /// How many lexical blocks of that function start before it, its own included.
    var blockOrder: Int
    var qualifier: [UInt8]
  }

  var types: [DWARFEntry] = []
  var functions: [Function] = []
  var variables: [Variable] = []
}

/// Passes once over all entries of a unit. Entries that say nothing of layouts, functions and static variables are
/// stepped over by their abbreviation, without a look at their attributes.
struct DWARFWalk {
  private let reader: DWARFReader
  private let writer: DWARFTypeWriter
  private let unit: Int
  private var cursor: DWARFCursor
  private var scopes: [Scope] = []
  private var findings = DWARFFindings()

  private struct Scope {
    var entry: DWARFEntry
    /// Of what is declared here. Nil until someone asks.
    var qualifier: [UInt8]?
    /// The index of the innermost function's scope.
    var function: Int?
    /// Lexical blocks seen so far; in a function's scope.
    var blockCount = 0
    var blockOrder = 0
  }

  /// The standard sets no limit; compilers stay below 100.
  private static let depthLimit = 2000

  private init(_ reader: DWARFReader, _ writer: DWARFTypeWriter, unit: Int) {
    self.reader = reader
    self.writer = writer
    self.unit = unit
    cursor = DWARFCursor(reader.section(.info), at: reader.units[unit].root, end: reader.units[unit].end)
  }

  /// Enters the qualified names of types that are not at unit level into `writer`.
  static func findings(
    in unit: Int, _ reader: DWARFReader, _ writer: DWARFTypeWriter
  ) throws(ObjectFileError) -> DWARFFindings {
    var walk = DWARFWalk(reader, writer, unit: unit)
    try walk.run()
    return walk.findings
  }

  private mutating func run() throws(ObjectFileError) {
    repeat {
      // Some assemblers end a unit without closing its lists.
      if cursor.isAtEnd { return }
      guard let entry = try reader.entry(&cursor, in: unit) else {
        _ = scopes.popLast()
        continue
      }
      try note(entry)
      try reader.skipAttributes(of: entry, &cursor)
      guard entry.abbreviation.hasChildren else { continue }
      if entry.tag.hasNothingInside {
        try reader.skipChildren(&cursor, in: unit)
      } else {
        try enter(entry)
      }
    } while !scopes.isEmpty
  }

  private mutating func note(_ entry: DWARFEntry) throws(ObjectFileError) {
    switch entry.tag {
    case .structureType, .classType, .unionType, .interfaceType, .enumerationType, .typedef:
      let qualifier = try qualifier()
      if !qualifier.isEmpty { writer.qualifiers[entry.offset] = qualifier }
      if scopes.last?.function == nil { findings.types.append(entry) }
    case .subprogram:
      let parent = scopes.last?.function.map { scopes[$0].entry.offset }
      findings.functions.append(DWARFFindings.Function(entry: entry, parent: parent, qualifier: try qualifier()))
    case .variable where entry.abbreviation.hasLocationExpression: try noteVariable(entry)
    default: break
    }
  }

  private mutating func noteVariable(_ entry: DWARFEntry) throws(ObjectFileError) {
    var attributes = reader.attributes(of: entry)
    while let (attribute, value) = try attributes.next() {
      guard attribute == .location, case .block(let range) = value else { continue }
      guard let place = try reader.fixedLocation(ofExpression: range, in: unit) else { return }
      let function = scopes.last?.function.map { scopes[$0].entry.offset }
      findings.variables.append(
        DWARFFindings.Variable(
          entry: entry, location: place.location, isThreadLocal: place.isThreadLocal, function: function,
          blockOrder: scopes.last?.blockOrder ?? 0, qualifier: function == nil ? try qualifier() : []))
      return
    }
  }

  private mutating func enter(_ entry: DWARFEntry) throws(ObjectFileError) {
    guard scopes.count < Self.depthLimit else {
      throw reader.malformed("entries are nested more than \(Self.depthLimit) deep", at: entry.offset)
    }
    var scope = Scope(entry: entry, function: scopes.last?.function, blockOrder: scopes.last?.blockOrder ?? 0)
    switch entry.tag {
    case .subprogram, .inlinedSubroutine:
      scope.function = scopes.count
      scope.blockOrder = 0
    case .lexicalBlock:
      if let function = scope.function {
        scopes[function].blockCount += 1
        scope.blockOrder = scopes[function].blockCount
      }
    default: break
    }
    scopes.append(scope)
  }

  /// The qualifier of what is declared in the innermost scope.
  private mutating func qualifier() throws(ObjectFileError) -> [UInt8] {
    // Of C this is all there is: the unit's own scope, or a function's.
    guard scopes.count > 1 else { return [] }
    let known = scopes.lastIndex { $0.qualifier != nil } ?? 0
    var qualifier = scopes[known].qualifier ?? []
    for index in (known + 1)..<scopes.count {
      qualifier += try ownQualifier(of: scopes[index].entry)
      scopes[index].qualifier = qualifier
      try reader.charge(qualifier.count)
    }
    return qualifier
  }

  private func ownQualifier(of entry: DWARFEntry) throws(ObjectFileError) -> [UInt8] {
    switch entry.tag {
    case .namespace, .module, .structureType, .classType, .unionType, .interfaceType:
      guard let name = try TypeFacts(entry, reader).name else { return [] }
      return Array(name) + Array("::".utf8)
    case .subprogram, .inlinedSubroutine:
      guard let name = try DWARFDeclaration(entry, reader).name else { return [] }
      return Array(name) + Array("()::".utf8)
    default: return []
    }
  }
}

extension DWARFTag {
  /// Entries below such a one are neither types nor functions nor variables.
  fileprivate var hasNothingInside: Bool {
    switch self {
    case .enumerationType, .arrayType, .subroutineType: true
    // DW_TAG_call_site and DW_TAG_GNU_call_site.
    case DWARFTag(rawValue: 0x48), DWARFTag(rawValue: 0x4109): true
    default: false
    }
  }
}
