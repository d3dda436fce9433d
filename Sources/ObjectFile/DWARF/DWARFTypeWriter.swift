/// Writes types as texts that are equal where the layouts are, whichever compiler and version of DWARF wrote them.
///
/// - A base type is its encoding and size (`signed4`); `const`, `volatile` and typedefs do not show.
/// - A pointer is `*` and what it points to, a struct, union or enum there by its name alone (`*struct conn`): the
///   layout of that is compared under its own name.
/// - A struct held by value is its name, size and the digest of its layout (`struct conn 24 #…`); one without a name is
///   written out, or has the name of the typedef that names it (`typedef conn_t 24 #…`).
/// - In C++ the name alone stands there too. It means one type in the whole program (one definition rule), compared under its
///   own name, and whether a unit describes the type or declares it hangs on the rest of the unit (clang's constructor homing).
/// - An enum held by value is its name and size: a new enumerator is no change of what holds it.
/// - An array is its bounds before its element (`[4][8]char1`), a function its parameters and result
///   (`fn(*char1, ...) -> signed4`).
///
/// Every entry's text is made once a unit. Recursion ends where an entry is met within itself, which only pointers may
/// do, and they name what they lead to instead of following it.
final class DWARFTypeWriter {
  let reader: DWARFReader
  var names = DWARFNames()
  /// What stands before the name of a type: namespaces, enclosing classes and functions. By the type's entry.
  var qualifiers: [Int: [UInt8]] = [:]

  /// Texts by entry: as a whole (`.value`), and where a struct, union or enum is meant by its name alone.
  @exclusivity(unchecked) private var values: [Int: DWARFTypeText] = [:]
  @exclusivity(unchecked) private var mentions: [Int: DWARFTypeText] = [:]
  @exclusivity(unchecked) private var bodies: [Int: Body] = [:]
  @exclusivity(unchecked) private var open: Set<Int> = []
  @exclusivity(unchecked) private var depth = 0

  /// A text longer than this is replaced by its digest where another text takes it in: sizes cannot multiply.
  static let inlineByteLimit = 4096
  /// Real types nest some twenty levels (C++ and Rust iterators); a thread's smallest stack holds this many.
  static let depthLimit = 120

  init(_ reader: DWARFReader) { self.reader = reader }

  /// Forgets the texts of a unit, which no other unit asks for again.
  func endUnit() {
    values = [:]
    mentions = [:]
    bodies = [:]
  }

  struct Body {
    var text: DWARFTypeText
    var digest: DWARFLayoutDigest
  }

  enum Manner {
    case value
    case mention
  }

  /// The text of the type that an attribute refers to; `void` where there is no attribute.
  func text(_ type: DWARFValue?, _ manner: Manner) throws(ObjectFileError) -> DWARFTypeText {
    guard let type else { return DWARFTypeText("void") }
    guard let entry = try reader.entry(type) else { return DWARFTypeText("unknown") }
    return try text(entry, manner)
  }

  func text(_ entry: DWARFEntry, _ manner: Manner) throws(ObjectFileError) -> DWARFTypeText {
    if let known = manner == .value ? values[entry.offset] : mentions[entry.offset] {
      try reader.charge(known.bytes.count)
      return known
    }
    // Two keys: a struct may well hold a pointer that mentions it.
    let key = entry.offset &* 2 + (manner == .value ? 0 : 1)
    guard depth < Self.depthLimit, open.insert(key).inserted else { return DWARFTypeText("?") }
    depth += 1
    defer {
      depth -= 1
      open.remove(key)
    }
    var text = try newText(entry, manner)
    try reader.charge(text.bytes.count + 64)
    if text.bytes.count > Self.inlineByteLimit {
      let digest = DWARFLayoutDigest(of: text)
      text.bytes = []
      text.append(digest)
    }
    if manner == .value { values[entry.offset] = text } else { mentions[entry.offset] = text }
    return text
  }

  /// Runs `body` one level deeper, or not at all where that is too deep.
  func nested(_ body: () throws(ObjectFileError) -> Void) throws(ObjectFileError) {
    guard depth < Self.depthLimit else { return }
    depth += 1
    defer { depth -= 1 }
    try body()
  }

  private func newText(_ entry: DWARFEntry, _ manner: Manner) throws(ObjectFileError) -> DWARFTypeText {
    let facts = try TypeFacts(entry, reader)
    switch entry.tag {
    case .structureType, .classType, .unionType, .interfaceType, .enumerationType:
      return try aggregate(entry, facts, typedef: nil, manner)
    case .typedef:
      if let target = try namelessAggregate(facts.type) {
        return try aggregate(target, TypeFacts(target, reader), typedef: entry, manner)
      }
      return try text(facts.type, manner)
    case .constType, .volatileType, .restrictType, .atomicType, .packedType, .sharedType, .immutableType,
      .subrangeType:
      return try text(facts.type, manner)
    case .pointerType: return try pointer("*", to: facts)
    case .referenceType: return try pointer("&", to: facts)
    case .rvalueReferenceType: return try pointer("&&", to: facts)
    case .pointerToMemberType: return try memberPointer(facts)
    case .arrayType: return try array(entry, facts, manner)
    case .subroutineType, .subprogram: return try prototype(entry)
    case .baseType: return baseType(facts)
    default: return try otherType(entry, facts)
    }
  }
}

/// The attributes of a type's entry that its text depends on.
struct TypeFacts {
  var name: UnsafeRawBufferPointer?
  var type: DWARFValue?
  var byteCount: UInt64?
  var encoding: UInt64 = 0
  var isDeclaration = false
  var isVector = false
  var signature: DWARFValue?

  init(_ entry: DWARFEntry, _ reader: DWARFReader) throws(ObjectFileError) {
    var attributes = reader.attributes(of: entry)
    var linkageName: DWARFValue?
    while let (attribute, value) = try attributes.next() {
      switch attribute {
      case .name: name = try reader.string(value, in: entry.unit)
      case .linkageName: linkageName = value
      case .type: type = value
      case .byteSize: byteCount = value.unsigned
      case .encoding: encoding = value.unsigned ?? 0
      case .declaration: isDeclaration = value.isTrue
      case .gnuVector: isVector = value.isTrue
      case .signature: signature = value
      default: break
      }
    }
    // Swift names some types by their mangled name only.
    if name == nil, let linkageName { name = try reader.string(linkageName, in: entry.unit) }
    if let known = name, known.isEmpty { name = nil }
  }
}

// MARK: Types with a name

extension DWARFTypeWriter {
  /// The struct, union, class or enum without a name that a typedef names, whatever `const` stands between.
  func namelessAggregate(_ type: DWARFValue?) throws(ObjectFileError) -> DWARFEntry? {
    var next = type
    for _ in 0..<8 {
      guard let value = next, let entry = try reader.entry(value) else { return nil }
      switch entry.tag {
      case .constType, .volatileType: next = try TypeFacts(entry, reader).type
      case .structureType, .classType, .unionType, .enumerationType:
        let facts = try TypeFacts(entry, reader)
        return facts.name == nil && facts.signature == nil ? entry : nil
      default: return nil
      }
    }
    return nil
  }

  /// The name under which a struct, union, class or enum is listed (`struct conn`); nil where it has none.
  func listedName(of entry: DWARFEntry, typedef: DWARFEntry?) throws(ObjectFileError) -> [UInt8]? {
    let named = typedef ?? entry
    guard let name = try TypeFacts(named, reader).name else { return nil }
    return Array(named.tag.keyword.utf8) + [UInt8(ascii: " ")] + (qualifiers[named.offset] ?? []) + name
  }

  private func aggregate(
    _ entry: DWARFEntry, _ facts: TypeFacts, typedef: DWARFEntry?, _ manner: Manner
  ) throws(ObjectFileError) -> DWARFTypeText {
    // What stands here of a type that has a unit of its own is a declaration with its signature.
    if let signature = facts.signature, let target = try reader.entry(signature), target.offset != entry.offset {
      return try text(target, manner)
    }
    guard let name = try listedName(of: entry, typedef: typedef) else {
      return try body(entry).text
    }
    var result = DWARFTypeText(byteCount: facts.byteCount)
    result.bytes = name
    result.mention(names.index(of: name))
    let isKnownByName = reader.units[entry.unit].attributes.hasOneDefinitionRule
    if manner == .mention || facts.isDeclaration || isKnownByName { return result }
    result.append(" ")
    result.append(decimal: facts.byteCount ?? 0)
    if entry.tag != .enumerationType {
      result.append(" ")
      result.append(try body(entry).digest)
    }
    return result
  }

  /// The layout itself, without the type's name: `struct 16 {next@0 *struct conn; len@8 unsigned4}`.
  func body(_ entry: DWARFEntry) throws(ObjectFileError) -> Body {
    if let known = bodies[entry.offset] { return known }
    let facts = try TypeFacts(entry, reader)
    var text = DWARFTypeText(entry.tag.keyword + " ", byteCount: facts.byteCount)
    text.append(decimal: facts.byteCount ?? 0)
    text.append(" {")
    if entry.tag == .enumerationType {
      try appendEnumerators(of: entry, to: &text)
    } else {
      try appendMembers(of: entry, to: &text)
    }
    text.append("}")
    try reader.charge(text.bytes.count)
    let body = Body(text: text, digest: DWARFLayoutDigest(of: text))
    bodies[entry.offset] = body
    return body
  }
}

extension DWARFTag {
  var isAggregate: Bool {
    switch self {
    case .structureType, .classType, .unionType, .interfaceType, .enumerationType: true
    default: false
    }
  }

  var keyword: String {
    switch self {
    case .structureType: "struct"
    case .classType: "class"
    case .unionType: "union"
    case .interfaceType: "interface"
    case .enumerationType: "enum"
    case .typedef: "typedef"
    default: "type"
    }
  }
}

// MARK: Types without a name of their own

extension DWARFTypeWriter {
  private func pointer(_ sign: String, to facts: TypeFacts) throws(ObjectFileError) -> DWARFTypeText {
    var result = DWARFTypeText(sign, byteCount: facts.byteCount ?? 8)
    result.append(try text(facts.type, .mention))
    return result
  }

  private func memberPointer(_ facts: TypeFacts) throws(ObjectFileError) -> DWARFTypeText {
    var result = DWARFTypeText("member*", byteCount: facts.byteCount)
    result.append(try text(facts.type, .mention))
    return result
  }

  private func array(
    _ entry: DWARFEntry, _ facts: TypeFacts, _ manner: Manner
  ) throws(ObjectFileError) -> DWARFTypeText {
    var result = DWARFTypeText(facts.isVector ? "vector" : "")
    var count: UInt64? = 1
    if entry.abbreviation.hasChildren {
      var children = try DWARFChildren(of: entry, reader)
      while let child = try children.next() {
        guard child.tag == .subrangeType || child.tag == .enumerationType else { continue }
        let bound = try DWARFArrayBound(child, reader)
        result.append("[")
        // No elements and no known number of them are one thing to the layout, and compilers differ in the words.
        if let count = bound.count, count > 0 { result.append(decimal: count) }
        result.append("]")
        count = bound.count.flatMap { bound in count.flatMap { $0.multiplied(by: bound) } }
      }
    }
    let element = try text(facts.type, manner)
    result.append(element)
    result.byteCount =
      facts.byteCount ?? count.flatMap { count in element.byteCount.flatMap { count.multiplied(by: $0) } }
    return result
  }

  private func baseType(_ facts: TypeFacts) -> DWARFTypeText {
    // DWARF 5, 7.8.
    let encoding =
      switch facts.encoding {
      case 0x02: "bool"
      case 0x03: "complex"
      case 0x04: "float"
      case 0x05: "signed"
      case 0x06: "char"
      case 0x07: "unsigned"
      case 0x08: "uchar"
      case 0x0f: "decimal"
      case 0x10: "utf"
      default: "base\(facts.encoding)."
      }
    return DWARFTypeText("\(encoding)\(facts.byteCount ?? 0)", byteCount: facts.byteCount)
  }

  /// What C does not have: named by its tag, name and size.
  private func otherType(_ entry: DWARFEntry, _ facts: TypeFacts) throws(ObjectFileError) -> DWARFTypeText {
    var result = DWARFTypeText("type" + String(entry.tag.rawValue, radix: 16), byteCount: facts.byteCount)
    if let name = facts.name {
      result.append(" ")
      result.append(name)
    }
    if let byteCount = facts.byteCount {
      result.append(" ")
      result.append(decimal: byteCount)
    }
    if let type = facts.type {
      result.append(" ")
      result.append(try text(type, .mention))
    }
    return result
  }

  /// What a function takes and gives: `fn(*struct conn, signed4) -> void`. A struct is named here, held by value or not:
  /// its layout is compared under its own name.
  func prototype(_ entry: DWARFEntry) throws(ObjectFileError) -> DWARFTypeText {
    let source = try DWARFPrototypeSource(entry, reader)
    var result = DWARFTypeText("fn(")
    var isFirst = true
    if source.parameters.abbreviation.hasChildren {
      var children = try DWARFChildren(of: source.parameters, reader)
      while let child = try children.next() {
        guard child.tag == .formalParameter || child.tag == .unspecifiedParameters else { continue }
        if !isFirst { result.append(", ") }
        isFirst = false
        if child.tag == .unspecifiedParameters {
          result.append("...")
        } else {
          result.append(try text(DWARFPrototypeSource.type(of: child, reader), .mention))
        }
      }
    }
    result.append(") -> ")
    result.append(try text(source.result, .mention))
    return result
  }
}

extension UInt64 {
  /// Nil on overflow.
  fileprivate func multiplied(by other: UInt64) -> UInt64? {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? nil : product
  }
}
