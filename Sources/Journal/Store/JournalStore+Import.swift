import GRDB

extension JournalStore {
  /// What `importBundle` did.
  public struct Imported: Sendable {
    /// Recorded here now, in the bundle's order.
    public var added: [UpdateNumber]
    /// Those that the journal had already.
    public var knownCount: Int
    /// Signatures that the journal had not, also of updates that it had.
    public var signatureCount: Int
    /// Steps taken in place of pruned updates, which are among `added`.
    public var shortcutCount = 0
  }

  /// Takes the updates of a bundle into the journal, all of them or none, in one transaction.
  ///
  /// Refuses a bundle that is not what its digest says (`malformedBundle`), that is of another image
  /// (`foreignBundle`), that begins after an update which the journal lacks (`bundleGap`), whose updates use room of the arena
  /// that other updates of this journal have used (`cursorWentBack`), or that has as one step what the journal has a part of
  /// (`bundleOverlaps`).
  public func importBundle(at path: String) throws(JournalError) -> Imported {
    var source = try BundleSource(path: path)
    let head = try BundleFormat.readHead(source.read(BundleFormat.headByteCount))
    guard head.base == base.digest else {
      throw JournalError(.foreignBundle, journal: self.path, digest: head.base, detail: path)
    }
    do {
      return try write { db in try take(head.itemCount, from: &source, into: db) }
    } catch {
      forgetWhatWasTakenBack()
      throw error
    }
  }

  private func take(_ count: UInt64, from source: inout BundleSource, into db: Database) throws -> Imported {
    var imported = Imported(added: [], knownCount: 0, signatureCount: 0)
    for _ in 0..<count {
      let item = try BundleFormat.readItemHead(source.read(BundleFormat.itemHeadByteCount))
      guard let byteCount = Int(exactly: item.byteCount) else {
        throw JournalError(.malformedBundle, detail: "an update of \(item.byteCount) bytes")
      }
      switch item.kind {
      case .update:
        let record = try UpdateRecord(decoding: source.read(byteCount))
        guard try record.parent == base.digest || isKnown(record.parent, in: db) else {
          throw JournalError(.bundleGap, digest: record.parent, detail: source.path)
        }
        // What is pruned here is known all the same.
        if try isKnown(record.digest, in: db) {
          imported.knownCount += 1
        } else {
          let encoded = try UpdateCoding.encoded(record.content)
          let update = try append(record.content, encoded, digest: record.digest, parent: record.parent, in: db).update
          imported.added.append(update.number)
        }
      case .shortcut:
        let (shortcut, digest) = try ShortcutCoding.decode(source.read(byteCount))
        guard try shortcut.from == base.digest || isKnown(shortcut.from, in: db) else {
          throw JournalError(.bundleGap, digest: shortcut.from, detail: source.path)
        }
        let added = try take(shortcut, digest: digest, into: db)
        imported.added += added
        if added.isEmpty { imported.knownCount += shortcut.covered.count } else { imported.shortcutCount += 1 }
      case .signature, .shortcutSignature:
        let kind = item.kind == .signature ? SignatureTable.Kind.update : .shortcut
        let (digest, signature) = try BundleFormat.readSignature(source.read(byteCount))
        let isThere = try kind == .update ? isKnown(digest, in: db) : isKnownShortcut(digest, in: db)
        // A shortcut to updates that are all there is not taken, nor is what was signed of it.
        if kind == .shortcut, !isThere, signature.isValid(for: digest) { continue }
        guard isThere, signature.isValid(for: digest) else {
          throw JournalError(.invalidSignature, digest: digest, name: signature.key.fingerprint, detail: source.path)
        }
        if try SignatureTable(db: db, kind: kind).insert(signature, of: digest) { imported.signatureCount += 1 }
      }
    }
    guard source.isAtEnd else {
      throw JournalError(.malformedBundle, detail: "\(source.path) goes on after its last item")
    }
    return imported
  }
}
