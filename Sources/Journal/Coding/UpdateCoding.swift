import Addressing

/// The encoding of an update's content (docs/journal-format.md): canonical, so that the digest covers the value.
///
/// `decode(encode(content)) == content`; what `encode` would not have written, `decode` refuses.
public enum UpdateCoding {
  /// Version 2 is version 1 with a source map behind it, and is written only where there is one: the digests of updates
  /// recorded before stay what they are, and one value has one encoding. Version 3 is version 1 with an observation.
  /// Version 4 tells definers, and says for itself whether there is a source map.
  static let version: UInt8 = 1
  static let versionWithSources: UInt8 = 2
  static let observedVersion: UInt8 = 3
  static let versionWithDefiners: UInt8 = 4
  /// No byte string of an update is longer.
  static let maximumByteStringCount = LZ4Block.maximumByteCount

  public static func encode(_ content: UpdateContent) throws(JournalError) -> [UInt8] {
    try encoded(content).bytes
  }

  static func encoded(_ content: UpdateContent) throws(JournalError) -> EncodedContent {
    var encoder = UpdateEncoder()
    try encoder.append(content)
    return EncodedContent(bytes: encoder.writer.bytes, byteStrings: encoder.byteStrings)
  }

  public static func decode(_ bytes: [UInt8]) throws(JournalError) -> UpdateContent {
    var decoder = UpdateDecoder(bytes, load: nil)
    return try decoder.content()
  }

  /// The digest of an update with this content and parent.
  public static func digest(of content: UpdateContent, parent: Digest) throws(JournalError) -> Digest {
    UpdateDigest.digest(try encode(content), parent: parent)
  }
}

/// What a byte string of an update is, for whoever keeps it elsewhere.
enum PayloadRole {
  /// The bytes before or after an operation.
  case content(operation: Int, place: WriteOperation.Place, isAfter: Bool)
  /// The lines of the body that starts here.
  case lines(VirtualAddress)

  var operation: Int? { if case .content(let operation, _, _) = self { operation } else { nil } }
}

/// Encodes an update's content in its canonical form, and notes where the byte strings stand that may be kept elsewhere.
struct UpdateEncoder {
  var writer = ByteWriter()
  var byteStrings: [EncodedContent.ByteString] = []
  var operation = 0

  func refusal(_ detail: String, operation: Int? = nil) -> JournalError {
    JournalError(.invalidUpdate, operation: operation, detail: detail)
  }

  mutating func append(_ content: UpdateContent) throws(JournalError) {
    let version = try version(of: content)
    writer.append(version)
    writer.append(signed: content.time)
    writer.append(content.author)
    writer.append(content.message)
    writer.append(optional: content.sourceRevision)
    writer.append(count: content.operations.count)
    for (index, operation) in content.operations.enumerated() {
      self.operation = index
      try append(operation)
    }
    writer.append(count: content.atoms.count)
    for atom in content.atoms { try append(atom, operationCount: content.operations.count) }
    writer.append(count: content.guards.count)
    for barrier in content.guards { append(barrier) }
    writer.append(content.cursors)
    writer.append(count: content.types.count)
    for type in content.types { append(type) }
    if version == UpdateCoding.versionWithDefiners {
      try append(definersOf: content.atoms)
      writer.append(!content.sources.isEmpty)
    }
    if !content.sources.isEmpty { try append(content.sources) }
    if let observation = content.observation { try append(observation) }
  }

  private func version(of content: UpdateContent) throws(JournalError) -> UInt8 {
    let hasDefiners = content.atoms.contains { $0.definer != nil }
    if content.sources.isEmpty && !content.sources.files.isEmpty {
      throw refusal("there are source files without a body that was made from them")
    }
    if content.observation != nil {
      guard content.sources.isEmpty && !hasDefiners else {
        throw refusal("an observed update has neither a source map nor definers")
      }
      return UpdateCoding.observedVersion
    }
    if hasDefiners { return UpdateCoding.versionWithDefiners }
    return content.sources.isEmpty ? UpdateCoding.version : UpdateCoding.versionWithSources
  }

  mutating func append(payload bytes: [UInt8], _ role: PayloadRole) throws(JournalError) {
    guard bytes.count <= UpdateCoding.maximumByteStringCount else {
      throw refusal("\(bytes.count) bytes are more than one operation may hold", operation: role.operation)
    }
    let start = writer.bytes.count
    writer.append(byteString: bytes)
    byteStrings.append(
      EncodedContent.ByteString(
        start: start, content: writer.bytes.count - bytes.count..<writer.bytes.count, role: role))
  }

  private mutating func append(_ barrier: Guard) {
    writer.append(barrier.range)
    writer.append(barrier.reach.rawValue)
    writer.append(barrier.reason.rawValue)
    writer.append(barrier.direction.rawValue)
    writer.append(barrier.function)
  }

  private mutating func append(_ type: TypeLayout) {
    writer.append(type.name)
    writer.append(varint: type.byteCount)
    writer.append(type.layout)
  }
}

/// The inverse of `UpdateEncoder`.
struct UpdateDecoder {
  /// Returns the bytes kept under a reference; `byteCount` is what the update says of them.
  typealias Load = (_ reference: Int64, _ byteCount: Int) throws(JournalError) -> [UInt8]

  var reader: ByteReader
  let load: Load?

  init(_ bytes: [UInt8], load: Load?) {
    reader = ByteReader(bytes, refusingWith: .malformedUpdate)
    self.load = load
  }

  mutating func content() throws(JournalError) -> UpdateContent {
    let version = try reader.byte()
    guard (UpdateCoding.version...UpdateCoding.versionWithDefiners).contains(version) else {
      throw JournalError(version == 0 ? .malformedUpdate : .unsupportedUpdate, detail: "encoding version \(version)")
    }
    let time = try reader.signed()
    let author = try reader.text()
    let message = try reader.text()
    let sourceRevision = try reader.optionalText()
    var operations: [Operation] = []
    for _ in 0..<(try reader.count()) { operations.append(try operation()) }
    var atoms: [AtomChange] = []
    for _ in 0..<(try reader.count()) { atoms.append(try atomChange(operationCount: operations.count)) }
    var guards: [Guard] = []
    for _ in 0..<(try reader.count()) { guards.append(try barrier()) }
    let cursors = try reader.cursors()
    var types: [TypeLayout] = []
    for _ in 0..<(try reader.count()) { types.append(try typeLayout()) }
    var hasSources = version == UpdateCoding.versionWithSources
    if version == UpdateCoding.versionWithDefiners {
      try addDefiners(to: &atoms)
      hasSources = try reader.flag()
    }
    let sources = hasSources ? try sourceMap() : .empty
    let observation = version == UpdateCoding.observedVersion ? try observation() : nil
    try reader.finish()
    return UpdateContent(
      time: time, author: author, message: message, sourceRevision: sourceRevision, operations: operations,
      atoms: atoms, guards: guards, cursors: cursors, types: types, sources: sources, observation: observation)
  }

  mutating func payload() throws(JournalError) -> [UInt8] {
    guard let load else { return try reader.byteString() }
    let head = try reader.varint()
    guard let count = Int(exactly: head >> 2), count <= UpdateCoding.maximumByteStringCount else {
      throw reader.refusal("a byte string is too long")
    }
    switch EncodedContent.Form(rawValue: head & 3) {
    case .inline: return try reader.raw(count)
    case .zeroes: return [UInt8](repeating: 0, count: count)
    case .reference:
      let bytes = try load(try reader.signed(), count)
      guard bytes.count == count else { throw reader.refusal("a payload is not as long as the update says") }
      return bytes
    case nil: throw reader.refusal("unknown form of a byte string")
    }
  }

  private mutating func barrier() throws(JournalError) -> Guard {
    Guard(
      range: try reader.range(), reach: try reader.kind(Guard.Reach.self),
      reason: try reader.kind(Guard.Reason.self), direction: try reader.kind(Guard.Direction.self),
      function: try reader.text())
  }

  private mutating func typeLayout() throws(JournalError) -> TypeLayout {
    TypeLayout(name: try reader.text(), byteCount: try reader.varint(), layout: try reader.text())
  }
}
