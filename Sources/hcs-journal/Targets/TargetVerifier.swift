import Addressing
import Applier
import Journal
import ObjectFile

/// Compares targets with the journal, and settles those that an applier left half-way.
struct TargetVerifier {
  let store: JournalStore
  let options: ApplyOptions
  let isRepairing: Bool

  func verify(_ name: TargetName) -> VerifiedTarget {
    do {
      return VerifiedTarget(name: name, outcome: .success(try look(at: name)))
    } catch {
      return VerifiedTarget(name: name, outcome: .failure(error))
    }
  }

  private func look(at name: TargetName) throws -> VerifiedTarget.Finding {
    let (finding, end) = try held(name)
    try end()
    return finding
  }

  /// The target is let go with the return, before the journal is written: that may have to wait.
  private func held(_ name: TargetName) throws -> (VerifiedTarget.Finding, () throws(JournalError) -> Void) {
    let open = try OpenTarget(name, store: store, options.writeMethod)
    let notes = try TargetNotes(open, in: store)
    let applier = UpdateApplier(base: store.base, options: options.applier(options.dryRun))
    let headers = HeaderSearch(store: store, applier: applier, target: open.target)
    var (standing, lost) = try headers.standing()
    var settled: ApplyReport?
    if case .torn(let position, let intent) = standing, isRepairing {
      settled = try store.along(
        position.digest, intent.destination.digest, isSigned: options.signatures.areRequired, isSettling: true
      ) { steps in
        try options.signatures.check(steps, to: intent.destination.digest, in: store)
        let old = try OldBodies(store, at: intent.destination.digest, from: position.digest).code
        return try applier.settle(steps, by: .finish, on: open.target, superseded: old) {
          (header) throws(ApplyError) in try notes.begin(header)
        }
      }
      standing = try applier.standing(of: open.target)
    }
    var finding = VerifiedTarget.Finding(title: open.target.name, standing: standing, settled: settled)
    guard case .at(let position) = standing else { return (finding, {}) }
    var mismatches = try store.along(store.base.digest, position.digest) { history in
      try applier.mismatches(of: history, at: position, on: open.target)
    }
    // Which operation of which update it was, the updates themselves tell.
    if !mismatches.isEmpty {
      let history = try store.steps(from: store.base.digest, to: position.digest)
      mismatches = try applier.mismatches(of: history, at: position, on: open.target)
    }
    finding.drifts = try mismatches.map { try Drift($0, store, at: position.digest) }
    if lost == nil, !finding.drifts.isEmpty, let found = try headers.search(), found != position {
      lost = .wrong(position)
      finding = VerifiedTarget.Finding(title: open.target.name, standing: .at(found), settled: settled)
    }
    finding.lostHeader = lost
    finding.signature = try (open.target as? FileImage)?.signatureMismatches()
    if lost != nil, isRepairing, !options.dryRun {
      try applier.restoreHeader(finding.standing.position, on: open.target)
      finding.isRestored = true
    }
    if settled == nil, let earlier = notes.earlier, !earlier.isUnderWay { finding.cutOff = CutOff(earlier, in: store) }
    let isKnown = lost == nil || finding.isRestored
    return (finding, notes.end(at: isKnown ? finding.standing.position.digest : nil))
  }
}

/// What was found of one target.
struct VerifiedTarget {
  struct Finding {
    let title: String
    let standing: TargetStanding
    /// Set where a torn target was settled.
    let settled: ApplyReport?
    var drifts: [Drift] = []
    /// Set where the header does not say where the target stands, and its bytes do.
    var lostHeader: LostHeader?
    /// Whether the header has been written again.
    var isRestored = false
    /// Set where a command that was taking it elsewhere has ended before it could say so.
    var cutOff: CutOff?
    /// What is not as the image's code signature says; nil where it has none.
    var signature: [MachOSignatureMismatch]?
    var isAsRecorded: Bool {
      drifts.isEmpty && signature?.isEmpty != false && (lostHeader == nil || isRestored)
    }
  }

  let name: TargetName
  let outcome: Result<Finding, any Error>

  var status: ExitStatus {
    switch outcome {
    case .success(let finding):
      if case .torn = finding.standing { return .torn }
      return finding.isAsRecorded ? .done : .failed
    case .failure(let error): return ExitStatus(error)
    }
  }

  var json: JSONValue {
    switch outcome {
    case .success(let finding): .object([("target", name.json(finding.title))] + finding.members)
    case .failure(let error): .object([("target", name.json(nil)), ("error", Failure(error).json)])
    }
  }

  func lines(_ style: TextStyle) -> [String] {
    guard case .success(let finding) = outcome else { return [] }
    return (finding.settled?.lines(style) ?? []) + finding.lines(style)
  }
}

extension VerifiedTarget.Finding {
  fileprivate var members: [(String, JSONValue?)] {
    let settled = settled.map { JSONValue.object($0.members) }
    switch standing {
    case .at(let position):
      return [
        ("state", "at"), ("position", position.json), ("settled", settled),
        ("cutOff", cutOff?.json),
        ("header", lostHeader.map { .string($0.word) }), ("restored", lostHeader.map { _ in .boolean(isRestored) }),
        ("mismatches", .array(drifts.map(\.json))), ("signature", signature.map { .array($0.map(\.json)) }),
      ]
    case .torn(let position, let intent):
      return [
        ("state", "torn"), ("position", position.json), ("destination", intent.destination.json),
        ("held", .boolean(intent.isHeld)),
      ]
    }
  }

  fileprivate func lines(_ style: TextStyle) -> [String] {
    switch standing {
    case .at(let position):
      if let lostHeader {
        let restored = isRestored ? "; the header is written again" : "; write the header again with --repair"
        return [
          "\(title): \(style.red(lostHeader.text)), but it holds what \(style.bold(position.number.title)) left"
            + restored
        ] + (signature ?? []).map { "  code signature: \($0)" }
      }
      let place = "\(title): at \(style.bold(position.number.title))" + (cutOff.map { " (\($0.words))" } ?? "")
      if isAsRecorded {
        return ["\(place), \(style.green(signature == nil ? "as recorded" : "as recorded and as signed"))"]
      }
      let state = drifts.isEmpty ? "as recorded, but not as signed" : "not as recorded"
      return ["\(place), \(style.red(state))"] + drifts.map { "  " + $0.line }
        + (signature ?? []).map { "  code signature: \($0)" }
    case .torn(let position, let intent):
      return [
        "\(title): \(style.red("torn")) on its way from \(position.number.title) to "
          + "\(intent.destination.number.title)\(intent.isHeld ? ", and stopped until it is settled" : ""); settle it with --repair"
      ]
    }
  }
}

extension MachOSignatureMismatch {
  fileprivate var json: JSONValue {
    let part: (String, JSONValue?) =
      switch part {
      case .page(let page): ("page", .count(page))
      case .blob(let slot): ("slot", .count(slot.rawValue))
      }
    return .object([
      part, ("fileOffset", .count(offset.rawValue)), ("byteCount", .count(byteCount)),
      ("signed", .string(signedHash.hexadecimal)), ("found", .string(actualHash.hexadecimal)),
    ])
  }
}
