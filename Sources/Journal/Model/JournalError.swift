public import Addressing

/// Why a journal could not be made, read or added to. Nothing was written where one is thrown.
public struct JournalError: Error {
  public enum Code: String, Hashable, Sendable, CaseIterable {
    case noSuchJournal
    case journalExists
    case notAJournal
    case newerSchema
    case olderSchema
    case damaged
    case busy
    case inaccessible
    case storageFailed
    case readOnly
    case otherImage
    case unknownUpdate
    case unknownDigest
    case unknownReference
    case ambiguousDigest
    case unknownTag
    case invalidTag
    case tagExists
    case unknownSymbol
    case cursorWentBack
    case invalidUpdate
    case invalidBase
    case malformedUpdate
    case unsupportedUpdate
    case digestMismatch
    case malformedPayload
    case malformedStretch
    case malformedBase
    case malformedTargetHeader
    case unsupportedTargetHeader
    case outsideImage
    case notOnTheWay
    case prunedUpdate
    case shortcutTooShort
    case unknownShortcut
    case observedShortcut
    case nothingToPrune
    case tagBetween
    case branchBetween
    case targetBetween
    case noSuchBundle
    case bundleExists
    case malformedBundle
    case foreignBundle
    case bundleGap
    case bundleOverlaps
    case noSuchKey
    case keyExists
    case exposedKey
    case encryptedKey
    case malformedKey
    case unsignedUpdate
    case untrustedSignature
    case invalidSignature
  }

  public var code: Code
  /// The journal's path.
  public var journal: String?
  public var update: UpdateNumber?
  public var digest: Digest?
  /// A tag, a symbol, a key, or an update as the user named it.
  public var name: String?
  /// Index into the update's operations.
  public var operation: Int?
  public var address: VirtualAddress?
  /// Where in the bytes that were decoded, or in the image file.
  public var offset: FileOffset?
  /// What exactly is wrong, as a clause.
  public var detail: String?
  public var cause: (any Error)?

  public init(
    _ code: Code, journal: String? = nil, update: UpdateNumber? = nil, digest: Digest? = nil, name: String? = nil,
    operation: Int? = nil,
    address: VirtualAddress? = nil, offset: FileOffset? = nil, detail: String? = nil, cause: (any Error)? = nil
  ) {
    self.code = code
    self.journal = journal
    self.update = update
    self.digest = digest
    self.name = name
    self.operation = operation
    self.address = address
    self.offset = offset
    self.detail = detail
    self.cause = cause
  }
}

extension JournalError {
  init(pruned number: UpdateNumber, into range: ShortcutRange) {
    self.init(.prunedUpdate, update: number, detail: "the shortcut is \(range)")
  }
}

extension JournalError: CustomStringConvertible {
  public var description: String {
    let context = [
      update.map { "update \($0)" }, operation.map { "operation \($0)" }, address.map { "at \($0)" },
      offset.map { "at byte \($0.rawValue)" }, detail, cause.map { "\($0)" },
    ].compactMap { $0 }.joined(separator: ", ")
    return context.isEmpty ? summary : "\(summary) (\(context))"
  }

  private var subject: String { journal.map { "journal \($0)" } ?? "the journal" }
  private var named: String { name ?? "?" }
  private var verify: String { "hcs-journal -j \(journal ?? "JOURNAL") verify" }
  private var log: String { "hcs-journal -j \(journal ?? "JOURNAL") log" }

  private var summary: String {
    switch code {
    case .noSuchJournal: "\(subject) does not exist; make one with: hcs-journal init IMAGE"
    case .journalExists: "\(subject) exists already; name another with -j FILE, or look into it with: \(log)"
    case .notAJournal: "\(subject) is not a journal of hcs-journal; name another with -j FILE"
    case .newerSchema: "\(subject) was written by a newer hcs-journal; use that one (hcs-journal --version)"
    case .olderSchema:
      "\(subject) has an older schema and can only be read once a writing command migrated it: \(verify)"
    case .damaged: "\(subject) is damaged; see what is lost with: \(verify)"
    case .busy: "\(subject) is being written by another process; try again when it is done"
    case .inaccessible: "\(subject) cannot be opened; check its permissions and its folder's: ls -l"
    case .storageFailed: "\(subject) could not be read or written; check the disk with: df -h"
    case .readOnly: "\(subject) was opened for reading only"
    case .otherImage: "\(subject) belongs to another image; adopt this one with: hcs-journal init IMAGE"
    case .unknownUpdate: "\(subject) has no such update; list them with: \(log)"
    case .unknownDigest: "\(subject) knows no update of digest \(digest?.abbreviated ?? "?"); list them with: \(log)"
    case .unknownReference:
      "\(subject) has no tag \(named), and no update whose digest begins so; list them with: \(log)"
    case .ambiguousDigest: "several digests begin with \(named); give more digits of it: \(log)"
    case .unknownTag: "\(subject) has no tag \(named); list them with: hcs-journal tag"
    case .invalidTag: "\(named.isEmpty ? "nothing" : named) cannot be a tag"
    case .tagExists: "there is a tag \(named) already; move it with: hcs-journal tag --force \(named) N"
    case .unknownSymbol: "\(subject) knows no symbol \(named); list the image's with: nm -C IMAGE"
    case .cursorWentBack: "the update uses room of the arena again that \(subject) holds as used; record it again"
    case .invalidUpdate: "the update contradicts itself and was not recorded; record it again, or report a defect"
    case .invalidBase: "the image cannot be kept as a journal's base"
    case .malformedUpdate: "an update is malformed; see the others with: \(verify)"
    case .unsupportedUpdate: "an update was written by a newer hcs-journal; use that one (hcs-journal --version)"
    case .digestMismatch: "an update is not what its digest says; see the others with: \(verify)"
    case .malformedPayload: "stored bytes do not decode to what was recorded; see which with: \(verify)"
    case .malformedStretch:
      "what \(subject) keeps of many updates as one is not what it was; see what is lost with: \(verify)"
    case .malformedBase: "what \(subject) holds of the base image is malformed; see what is lost with: \(verify)"
    case .malformedTargetHeader: "the target's header is malformed; settle it with: hcs-journal verify --repair TARGET"
    case .unsupportedTargetHeader:
      "the target's header was written by a newer hcs-journal; use that one (hcs-journal --version)"
    case .outsideImage: "the range is not in the image; list its segments with: readelf -lW IMAGE"
    case .notOnTheWay: "the updates do not lie on one line; see: \(log)"
    case .prunedUpdate:
      "an update is pruned: of what it did only its part in the shortcut to a later one is left; name an end of that: \(log)"
    case .shortcutTooShort: "a shortcut takes two updates or more for one; name a longer way: \(log)"
    case .unknownShortcut: "nothing stands for these updates yet; make it with: hcs-journal squash \(named)"
    case .observedShortcut:
      "what another linker has written is told update by update, and is not put together; see: \(log)"
    case .nothingToPrune: "all of these updates are pruned already; see: \(log)"
    case .tagBetween:
      "tag \(named) names an update that would be pruned; move it, or delete it with: hcs-journal tag --delete \(named)"
    case .branchBetween:
      "a branch begins at an update that would be pruned; prune up to there, and from there on: \(log)"
    case .targetBetween:
      "\(named) stands at an update that would be pruned; take it on with: hcs-journal replay --to N"
    case .noSuchBundle: "there is no bundle to read; check the path with: ls -l"
    case .bundleExists: "the bundle's file exists already; name another"
    case .malformedBundle: "the bundle is damaged and nothing of it was taken; make it again with: hcs-journal export"
    case .foreignBundle:
      "the bundle is of another image than \(subject); take it into a journal that this made: hcs-journal init IMAGE"
    case .bundleGap:
      "the bundle follows an update that \(subject) lacks; take the updates before it first: hcs-journal import"
    case .bundleOverlaps:
      "the bundle has as one step what \(subject) has a part of; export the updates one by one, from a journal in which they are "
        + "not pruned, or take it into a fresh one: hcs-journal init IMAGE"
    case .noSuchKey: "the key \(named) cannot be read; make one with: hcs-journal key FILE"
    case .keyExists: "\(named) exists already, and is left as it is; name another"
    case .exposedKey: "others can read the private key \(named); keep it to yourself with: chmod 600 \(named)"
    case .encryptedKey:
      "the private key \(named) has a passphrase, which is not supported; make one without with: hcs-journal key FILE"
    case .malformedKey: "\(named) is not a file of Ed25519 keys; make one with: hcs-journal key FILE"
    case .unsignedUpdate: "an update is not signed; if you vouch for it: hcs-journal sign KEY"
    case .untrustedSignature: "an update is signed by \(named), which is not among the keys required; see: \(log)"
    case .invalidSignature:
      "a signature by \(named) does not hold for its update: one of them was changed; see the others with: \(verify)"
    }
  }
}
