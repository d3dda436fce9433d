import Foundation

extension JournalStore {
  /// What `export` wrote.
  public struct Exported: Sendable {
    public var updateCount: Int
    public var signatureCount: Int
    /// Steps in place of pruned updates.
    public var shortcutCount: Int
    public var byteCount: UInt64
    /// SHA-256 of the file but for its last 32 bytes, which are this.
    public var digest: Digest
  }

  /// The updates on the way from one (left out; the base image's digest stands for itself) to one that follows it,
  /// oldest first. Throws `notOnTheWay` when it does not follow. Of pruned updates that one is there which their shortcut leads to.
  public func numbers(after ancestor: Digest, upTo descendant: Digest) throws(JournalError) -> [UpdateNumber] {
    let first = try number(of: ancestor)
    let last = try number(of: descendant)
    var numbers: [UpdateNumber] = []
    try lookUp { db in
      var current = last
      // A parent's number is smaller than its child's.
      while current > first {
        numbers.append(current)
        let parent = try ShortcutTable(db: db, store: self).position(before: current.rawValue)
        guard let parent, parent < current.rawValue else { throw JournalError(.damaged, update: current) }
        current = UpdateNumber(parent)
      }
      guard current == first else {
        throw JournalError(.notOnTheWay, update: first, detail: "update \(last) does not follow it")
      }
    }
    return numbers.reversed()
  }

  /// The numbers of all updates, of all branches.
  public func allNumbers() throws(JournalError) -> [UpdateNumber] {
    try lookUp { db in
      try db.all("SELECT number FROM update_entry ORDER BY number") { UpdateNumber(try $0.integer(0)) }
    }
  }

  /// Writes updates as one portable file that proves itself (`BundleFormat`). A file that is there is left alone.
  ///
  /// - Parameter numbers: a parent before its children.
  public func export(_ numbers: [UpdateNumber], to path: String) throws(JournalError) -> Exported {
    let draft = "\(path).\(UInt32.random(in: 0...UInt32.max)).making"
    do {
      let exported = try write(numbers, draft)
      try JournalFile.publish(draft, as: path, taken: .bundleExists)
      return exported
    } catch {
      try? FileManager.default.removeItem(atPath: draft)
      var error = JournalError(wrapping: error, journal: self.path)
      if [.bundleExists, .inaccessible].contains(error.code) { error.detail = [path, error.detail].joined() }
      throw error
    }
  }

  private func write(_ numbers: [UpdateNumber], _ draft: String) throws -> Exported {
    try JournalFile.makeEmpty(at: draft)
    guard let handle = FileHandle(forUpdatingAtPath: draft) else { throw JournalError(.inaccessible) }
    defer { try? handle.close() }
    let parts = try numbers.compactMap { try part($0) }
    let signatureCount = parts.reduce(0) { $0 + $1.signatures.count }
    let shortcutCount = parts.reduce(0) { $0 + ($1.shortcut == nil ? 0 : 1) }
    try handle.write(
      contentsOf: BundleFormat.head(
        base: base.digest, itemCount: UInt64(parts.count + signatureCount), isSigned: signatureCount > 0,
        hasShortcuts: shortcutCount > 0))
    for part in parts {
      if let range = part.shortcut {
        let shortcut = try shortcutToExport(range)
        try handle.write(contentsOf: BundleFormat.item(.shortcut, ShortcutCoding.encode(shortcut)))
      } else {
        let record = try UpdateRecord(try update(part.number))
        try handle.write(contentsOf: BundleFormat.item(.update, record.encoded()))
      }
      for signature in part.signatures {
        try handle.write(
          contentsOf: BundleFormat.signature(
            signature, of: part.digest, kind: part.shortcut == nil ? .signature : .shortcutSignature))
      }
    }
    // Read again: the digest is of what is in the file.
    try handle.seek(toOffset: 0)
    let digest = try Digest.sha256 { () throws(any Error) in
      try handle.read(upToCount: 1 << 20).map { [UInt8]($0) }
    }
    try handle.write(contentsOf: digest.bytes)
    return Exported(
      updateCount: parts.count - shortcutCount, signatureCount: signatureCount, shortcutCount: shortcutCount,
      byteCount: try handle.offset(), digest: digest)
  }

  /// What stands in a bundle for a number, and who has signed it.
  private struct Part {
    var number: UpdateNumber
    /// What was signed.
    var digest: Digest
    /// Where it leads to pruned updates in place of which it is taken.
    var shortcut: ShortcutRange?
    var signatures: [UpdateSignature]
  }

  /// Nil for an update that a shortcut to a later one stands for.
  private func part(_ number: UpdateNumber) throws(JournalError) -> Part? {
    try lookUp { db in
      let table = ShortcutTable(db: db, store: self)
      guard let range = try table.range(pruning: number.rawValue) else {
        let digest = try table.digest(of: number)
        return Part(number: number, digest: digest, signatures: try SignatureTable(db: db).signatures(of: digest))
      }
      guard range.to == number, let row = try table.row(over: range) else { return nil }
      return Part(
        number: number, digest: row.digest, shortcut: range,
        signatures: try SignatureTable(db: db, kind: .shortcut).signatures(of: row.digest))
    }
  }

  private func shortcutToExport(_ range: ShortcutRange) throws(JournalError) -> Shortcut {
    try lookUp { db in
      let table = ShortcutTable(db: db, store: self)
      let step = try table.step(leadingTo: range.to.rawValue)
      return Shortcut(
        from: step.parent, covered: try table.numbers(in: range).map { try table.covered($0) }, content: step.content)
    }
  }
}

extension [String?] {
  fileprivate func joined() -> String { compactMap(\.self).joined(separator: ": ") }
}
