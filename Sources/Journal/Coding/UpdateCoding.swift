import Addressing

/// The encoding of an update's content (docs/journal-format.md): canonical, so that the digest covers the value.
///
/// `decode(encode(content)) == content`; what `encode` would not have written, `decode` refuses.
public enum UpdateCoding {
  /// Version 2 is version 1 with a source map behind it, and is written only where there is one: the digests of updates
  /// recorded before stay what they are, and one value has one encoding. Version 3 is version 1 with an observation.
  static let version: UInt8 = 1
  static let versionWithSources: UInt8 = 2
  static let observedVersion: UInt8 = 3
  /// No byte string of an update is longer.
  static let maximumByteStringCount = LZ4Block.maximumByteCount

  public static func encode(_ content: UpdateContent) throws(JournalError) -> [UInt8] {
    var encoder = UpdateEncoder(store: nil)
    try encoder.append(content)
    return encoder.writer.bytes
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

/// Encodes an update's content: canonical when `store` is nil, otherwise as the journal's rows hold it, with the byte
/// strings that `store` takes replaced by its references.
struct UpdateEncoder {
  /// Returns the reference under which the bytes are kept, or nil to have them in line.
  typealias Store = (_ bytes: [UInt8], _ role: PayloadRole) throws(JournalError) -> Int64?

  /// How a byte string stands in the stored form.
  enum Form: UInt64 {
    case inline = 0
    case reference = 1
    case zeroes = 2
  }

  var writer = ByteWriter()
  let store: Store?
  var operation = 0

  init(store: Store?) { self.store = store }

  func refusal(_ detail: String, operation: Int? = nil) -> JournalError {
    JournalError(.invalidUpdate, operation: operation, detail: detail)
  }

  mutating func append(_ content: UpdateContent) throws(JournalError) {
    let version = content.sources.isEmpty ? UpdateCoding.version : UpdateCoding.versionWithSources
    writer.append(content.observation == nil ? version : UpdateCoding.observedVersion)
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
    if !content.sources.isEmpty {
      guard content.observation == nil else { throw refusal("an observed update has no source map") }
      try append(content.sources)
    } else if !content.sources.files.isEmpty {
      throw refusal("there are source files without a body that was made from them")
    }
    if let observation = content.observation { try append(observation) }
  }

  mutating func append(payload bytes: [UInt8], _ role: PayloadRole) throws(JournalError) {
    guard bytes.count <= UpdateCoding.maximumByteStringCount else {
      throw refusal("\(bytes.count) bytes are more than one operation may hold", operation: role.operation)
    }
    guard let store else { return writer.append(byteString: bytes) }
    let count = UInt64(bytes.count) << 2
    if bytes.count > 8 && bytes.allSatisfy({ $0 == 0 }) {
      writer.append(varint: count | Form.zeroes.rawValue)
    } else if let reference = try store(bytes, role) {
      writer.append(varint: count | Form.reference.rawValue)
      writer.append(signed: reference)
    } else {
      writer.append(varint: count | Form.inline.rawValue)
      writer.append(raw: bytes)
    }
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
    guard (UpdateCoding.version...UpdateCoding.observedVersion).contains(version) else {
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
    let sources = version == UpdateCoding.versionWithSources ? try sourceMap() : .empty
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
    switch UpdateEncoder.Form(rawValue: head & 3) {
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
