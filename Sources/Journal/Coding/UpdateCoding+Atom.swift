import Addressing

extension UpdateEncoder {
  mutating func append(_ change: AtomChange, operationCount: Int) throws(JournalError) {
    append(change.atom)
    writer.append(change.atomKind.rawValue)
    writer.append(change.change.rawValue)
    try append(change.before)
    try append(change.after)
    writer.append(count: change.operations.count)
    for index in change.operations {
      guard index >= 0 && index < operationCount else {
        throw refusal("atom \(change.atom.name) names operation \(index), which the update does not have")
      }
      writer.append(count: index)
    }
    writer.append(optional: change.typeDigest)
  }

  private mutating func append(_ atom: AtomIdentity) {
    writer.append(atom.name)
    writer.append(optional: atom.unit)
    writer.append(varint: UInt64(atom.unitOrdinal))
    writer.append(optional: atom.enclosingFunction)
    writer.append(optional: atom.variant)
  }

  private mutating func append(_ placement: Placement?) throws(JournalError) {
    writer.append(placement != nil)
    guard let placement else { return }
    guard placement.capacity >= placement.body.byteCount else {
      throw refusal("the body at \(placement.body.start) is larger than its room")
    }
    writer.append(placement.body)
    writer.append(varint: placement.capacity)
    writer.append(optional: placement.entry)
    writer.append(optional: placement.cell)
  }
}

extension UpdateDecoder {
  mutating func atomChange(operationCount: Int) throws(JournalError) -> AtomChange {
    let atom = AtomIdentity(
      name: try reader.text(), unit: try reader.optionalText(), unitOrdinal: try reader.varint32(),
      enclosingFunction: try reader.optionalText(), variant: try reader.optionalText())
    let atomKind = try reader.kind(AtomKind.self)
    let change = try reader.kind(AtomChange.Kind.self)
    let before = try placement()
    let after = try placement()
    var operations: [Int] = []
    for _ in 0..<(try reader.count()) {
      guard let index = Int(exactly: try reader.varint()), index < operationCount else {
        throw reader.refusal("an atom names an operation that the update does not have")
      }
      operations.append(index)
    }
    return AtomChange(
      atom: atom, atomKind: atomKind, change: change, before: before, after: after, operations: operations,
      typeDigest: try reader.optionalText())
  }

  private mutating func placement() throws(JournalError) -> Placement? {
    guard try reader.flag() else { return nil }
    let placement = Placement(
      body: try reader.range(), capacity: try reader.varint(), entry: try reader.optionalAddress(),
      cell: try reader.optionalAddress())
    guard placement.capacity >= placement.body.byteCount else {
      throw reader.refusal("a body is larger than its room")
    }
    return placement
  }
}
