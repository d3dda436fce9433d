/// Turns what the walks have found into facts.
struct DWARFFactsBuilder {
  private let reader: DWARFReader
  private let writer: DWARFTypeWriter
  private var facts = DWARFFacts()
  /// The indexes in `facts.units`; type units and units whose entries are elsewhere have none.
  private var unitIndexes: [Int?] = []
  private var typeIndexes: [TypeKey: Int] = [:]
  private var files = DWARFFileNames()
  private var prototypes: [[UInt8]: String] = [:]

  private struct TypeKey: Hashable {
    var name: Int32
    var digest: DWARFLayoutDigest
  }

  init(_ reader: DWARFReader) {
    self.reader = reader
    writer = DWARFTypeWriter(reader)
  }

  mutating func build() throws(ObjectFileError) -> DWARFFacts {
    for unit in reader.units.indices { try addUnit(unit) }
    // All units are walked before the first text is written: a text may name a type of another unit, whose namespace
    // must be known by then.
    var findings: [DWARFFindings] = []
    for unit in reader.units.indices { findings.append(try DWARFWalk.findings(in: unit, reader, writer)) }
    for unit in reader.units.indices {
      for entry in findings[unit].types { try addType(entry) }
      try addFunctions(findings[unit].functions)
      try addVariables(findings[unit].variables)
      writer.endUnit()
    }
    return facts
  }

  private mutating func addUnit(_ index: Int) throws(ObjectFileError) {
    let unit = reader.units[index]
    guard case .compile = unit.kind, !unit.attributes.isSkeleton else { return unitIndexes.append(nil) }
    unitIndexes.append(facts.units.count)
    facts.units.append(
      DWARFUnitFacts(
        name: try reader.text(unit.attributes.name, in: index) ?? "",
        directory: try reader.text(unit.attributes.compilationDirectory, in: index),
        producer: try reader.text(unit.attributes.producer, in: index), language: unit.attributes.language,
        lowPC: try reader.location(unit.attributes.lowPC, in: index)))
  }

  private func names(_ text: DWARFTypeText) -> [String] { text.names.map { writer.names.all[Int($0)] } }
}

// MARK: Types

extension DWARFFactsBuilder {
  private mutating func addType(_ entry: DWARFEntry) throws(ObjectFileError) {
    let facts = try TypeFacts(entry, reader)
    guard facts.name != nil, !facts.isDeclaration else { return }
    let isTypedef = entry.tag == .typedef
    guard let target = isTypedef ? try writer.namelessAggregate(facts.type) : entry,
      let name = try writer.listedName(of: entry, typedef: nil)
    else { return }
    let body = try writer.body(target)
    let key = TypeKey(name: writer.names.index(of: name), digest: body.digest)
    let unit = unitIndexes[entry.unit]
    if let index = typeIndexes[key] {
      if let unit, self.facts.types[index].units.last != unit { self.facts.types[index].units.append(unit) }
      return
    }
    typeIndexes[key] = self.facts.types.count
    self.facts.typesByName[writer.names.all[Int(key.name)], default: []].append(self.facts.types.count)
    self.facts.types.append(
      DWARFTypeLayout(
        name: writer.names.all[Int(key.name)], byteCount: body.text.byteCount ?? 0, layout: body.text.string,
        units: unit.map { [$0] } ?? [], references: names(body.text)))
  }
}

// MARK: Functions and variables

extension DWARFFactsBuilder {
  private mutating func addFunctions(_ found: [DWARFFindings.Function]) throws(ObjectFileError) {
    var declarations: [DWARFDeclaration] = []
    var compiled: Set<Int> = []
    for function in found {
      let declaration = try DWARFDeclaration(function.entry, reader)
      if let origin = declaration.abstractOrigin { compiled.insert(origin) }
      declarations.append(declaration)
    }
    var indexes: [Int: Int] = [:]
    for (function, declaration) in zip(found, declarations) {
      // An abstract instance counts only where no body of its own tells the same.
      guard let unit = unitIndexes[function.entry.unit], !declaration.isDeclaration, let name = declaration.name,
        reader.tellsTypes(declaration.origin),
        !(declaration.isAbstract && compiled.contains(function.entry.offset))
      else { continue }
      let range = try reader.codeRanges(
        lowPC: declaration.lowPC, highPC: declaration.highPC, ranges: declaration.ranges, in: function.entry.unit
      ).first
      let prototype = try writer.prototype(function.entry)
      indexes[function.entry.offset] = facts.functions.count
      facts.functions.append(
        DWARFFunction(
          name: String(decoding: function.qualifier + name, as: UTF8.self),
          linkageName: declaration.linkageName.map { String(decoding: $0, as: UTF8.self) },
          location: range?.start, byteCount: range?.byteCount ?? 0, isExternal: declaration.isExternal,
          isInlined: declaration.isInlined, unit: unit, declarationFile: try files.path(declaration, reader),
          declarationLine: Int(clamping: declaration.line), prototype: text(prototype), references: names(prototype),
          parent: function.parent.flatMap { indexes[$0] }))
    }
  }

  /// Many functions share a prototype, and then the string.
  private mutating func text(_ prototype: DWARFTypeText) -> String {
    if let known = prototypes[prototype.bytes] { return known }
    let text = prototype.string
    prototypes[prototype.bytes] = text
    return text
  }

  private mutating func addVariables(_ found: [DWARFFindings.Variable]) throws(ObjectFileError) {
    // Each copy of an inlined function may tell of its static variables again.
    var seen: Set<DWARFLocation> = []
    for variable in found {
      let declaration = try DWARFDeclaration(variable.entry, reader)
      guard let unit = unitIndexes[variable.entry.unit], let name = declaration.name,
        reader.tellsTypes(declaration.origin),
        seen.insert(variable.location).inserted
      else { continue }
      let type = try writer.text(declaration.type, .value)
      let (file, line) = (try files.path(declaration, reader), Int(clamping: declaration.line))
      facts.variables.append(
        DWARFVariable(
          name: String(decoding: variable.qualifier + name, as: UTF8.self),
          linkageName: declaration.linkageName.map { String(decoding: $0, as: UTF8.self) },
          location: variable.location, isThreadLocal: variable.isThreadLocal,
          enclosingFunction: try functionName(variable, file: file, line: line), blockOrder: variable.blockOrder,
          unit: unit,
          isExternal: declaration.isExternal, type: text(type), byteCount: type.byteCount, references: names(type),
          declarationFile: file, declarationLine: line))
    }
  }

  private func functionName(
    _ variable: DWARFFindings.Variable, file: String?, line: Int
  ) throws(ObjectFileError) -> String? {
    guard let offset = variable.function, let entry = try reader.entry(at: offset, in: variable.entry.unit) else {
      return nil
    }
    if let name = try DWARFDeclaration(entry, reader).name { return String(decoding: name, as: UTF8.self) }
    try reader.charge(facts.functions.count)
    // clang 21 puts the static variables of a function that it has inlined everywhere below an entry that says nothing.
    return facts.functions.filter {
      $0.unit == unitIndexes[entry.unit] && $0.declarationFile == file && $0.declarationLine <= line
    }.max { $0.declarationLine < $1.declarationLine }?.name
  }
}

/// The paths of source files, each made once.
struct DWARFFileNames {
  private var headers: [Int: DWARFLineHeader] = [:]
  private var paths: [Key: String?] = [:]

  private struct Key: Hashable {
    var table: Int
    var file: UInt64
  }

  /// The file in which something was declared.
  mutating func path(_ declaration: DWARFDeclaration, _ reader: DWARFReader) throws(ObjectFileError) -> String? {
    guard let file = declaration.file, let table = reader.units[declaration.fileUnit].attributes.lineTable else {
      return nil
    }
    let key = Key(table: table, file: file)
    if let known = paths[key] { return known }
    let path = try header(at: table, in: declaration.fileUnit, reader).path(ofFile: file, reader)
    paths[key] = path
    return path
  }

  private mutating func header(
    at table: Int, in unit: Int, _ reader: DWARFReader
  ) throws(ObjectFileError) -> DWARFLineHeader {
    if let known = headers[table] { return known }
    let header = try DWARFLineHeader(at: table, in: unit, reader)
    headers[table] = header
    return header
  }
}
