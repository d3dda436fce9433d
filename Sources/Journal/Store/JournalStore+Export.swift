import Foundation

extension JournalStore {
  /// What `export` wrote.
  public struct Exported: Sendable {
    public var updateCount: Int
    public var signatureCount: Int
    public var byteCount: UInt64
    /// SHA-256 of the file but for its last 32 bytes, which are this.
    public var digest: Digest
  }

  /// The updates on the way from one (left out; the base image's digest stands for itself) to one that follows it,
  /// oldest first. Throws `notOnTheWay` when it does not follow.
  public func numbers(after ancestor: Digest, upTo descendant: Digest) throws(JournalError) -> [UpdateNumber] {
    let first = try number(of: ancestor)
    let last = try number(of: descendant)
    var numbers: [UpdateNumber] = []
    try lookUp { db in
      var current = last
      // A parent's number is smaller than its child's.
      while current > first {
        numbers.append(current)
        let parent = try db.first(
          "SELECT parent_number FROM update_entry WHERE number = ?", [current.rawValue]
        ) { try $0.integer(0) }
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
    let signatures = try numbers.map { try self.signatures(of: self.digest(of: $0)) }
    let signatureCount = signatures.reduce(0) { $0 + $1.count }
    try handle.write(
      contentsOf: BundleFormat.head(
        base: base.digest, itemCount: UInt64(numbers.count + signatureCount), isSigned: signatureCount > 0))
    for (number, signatures) in zip(numbers, signatures) {
      let record = try UpdateRecord(try update(number))
      try handle.write(contentsOf: BundleFormat.item(.update, record.encoded()))
      for signature in signatures {
        try handle.write(contentsOf: BundleFormat.signature(signature, of: record.digest))
      }
    }
    // Read again: the digest is of what is in the file.
    try handle.seek(toOffset: 0)
    let digest = try Digest.sha256 { () throws(any Error) in
      try handle.read(upToCount: 1 << 20).map { [UInt8]($0) }
    }
    try handle.write(contentsOf: digest.bytes)
    return Exported(
      updateCount: numbers.count, signatureCount: signatureCount, byteCount: try handle.offset(), digest: digest)
  }
}

extension [String?] {
  fileprivate func joined() -> String { compactMap(\.self).joined(separator: ": ") }
}
