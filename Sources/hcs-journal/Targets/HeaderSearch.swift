import Addressing
import Applier
import Journal

/// Why a target's header does not tell where it stands.
enum LostHeader {
  /// It is zeroes: something has wiped it.
  case missing
  /// It holds what no header has.
  case damaged
  /// It names an update that the journal does not have.
  case unknown
  /// It names another update than its bytes.
  case wrong(TargetHeader.Position)

  var text: String {
    switch self {
    case .missing: "its header has been wiped"
    case .damaged: "its header is damaged"
    case .unknown: "its header names an update that this journal does not have"
    case .wrong(let position): "its header says \(position.number.title)"
    }
  }

  var word: String {
    switch self {
    case .missing: "missing"
    case .damaged: "damaged"
    case .unknown: "unknown"
    case .wrong: "wrong"
    }
  }
}

/// Tells where a target stands by its header, and by what it holds where the header is gone or lies.
struct HeaderSearch {
  /// How many updates are compared byte for byte: those of which cells and code differ least.
  private static let mostCandidates = 8

  let store: JournalStore
  let applier: UpdateApplier
  let target: any UpdateTarget

  /// - Throws: what the header's own fault is, where no update is found either.
  func standing() throws -> (TargetStanding, LostHeader?) {
    let standing: TargetStanding
    do throws(ApplyError) {
      standing = try applier.standing(of: target)
    } catch {
      // A header that cannot be decoded; every other fault is the target's.
      guard store.base.isPrepared, error.code == .taskMemoryMalformed || error.code == .fileMalformed,
        error.cause is JournalError, let found = try search()
      else { throw error }
      return (.at(found), .damaged)
    }
    guard store.base.isPrepared, case .at(let position) = standing else { return (standing, nil) }
    if position == store.base.position, try target.header() == nil {
      guard let found = try search(), found != position else { return (standing, nil) }
      return (.at(found), .missing)
    }
    if try isKnown(position.digest) { return (standing, nil) }
    guard let found = try search() else {
      throw ApplyError(.positionUnknown, target: target.name, found: position.digest.bytes)
    }
    return (.at(found), .unknown)
  }

  /// The newest update that the target holds every byte of; nil where there is none.
  func search() throws -> TargetHeader.Position? {
    guard store.base.isPrepared else { return nil }
    var search = PositionSearch(base: store.base, target: target)
    var isWhole = true
    for summary in try store.log().sorted(by: { $0.number < $1.number }) {
      // One whose bytes are gone tells nothing, and then nothing is known of the base image either.
      if let update = try? store.update(summary.number) { try search.add(update) } else { isWhole = false }
    }
    for candidate in search.candidates(atMost: Self.mostCandidates) {
      let isThere = try store.along(store.base.digest, candidate.position.digest) { history in
        // Of the base image nothing is known but what updates have found there.
        if history.isEmpty, candidate.differences > 0 || !isWhole { return false }
        return try applier.mismatches(of: history, at: candidate.position, on: target).isEmpty
      }
      if isThere { return candidate.position }
    }
    return nil
  }

  private func isKnown(_ digest: Digest) throws(JournalError) -> Bool {
    if digest == store.base.digest { return true }
    do throws(JournalError) {
      _ = try store.number(of: digest)
      return true
    } catch {
      if error.code == .unknownDigest { return false }
      throw error
    }
  }
}
