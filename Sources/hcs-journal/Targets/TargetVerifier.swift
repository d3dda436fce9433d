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
    let (finding, known) = try held(name)
    if let known { try store.noteTarget(known) }
    return finding
  }

  /// The target is let go with the return, before the journal is written: that may have to wait.
  private func held(_ name: TargetName) throws -> (VerifiedTarget.Finding, KnownTarget?) {
    let open = try OpenTarget(name, store: store, options.writeMethod)
    let applier = UpdateApplier(base: store.base, options: options.applier(options.dryRun))
    var standing = try applier.standing(of: open.target)
    var settled: ApplyReport?
    if case .torn(let position, let intent) = standing, isRepairing {
      let steps = try store.steps(from: position.digest, to: intent.destination.digest)
      try options.signatures.check(steps, to: intent.destination.digest, in: store)
      let old = try OldBodies(store, at: intent.destination.digest, from: position.digest).bodies
      settled = try applier.settle(steps, by: .finish, on: open.target, supersededBodies: old)
      standing = try applier.standing(of: open.target)
    }
    var finding = VerifiedTarget.Finding(title: open.target.name, standing: standing, settled: settled)
    if case .at(let position) = standing {
      let history = try store.steps(from: store.base.digest, to: position.digest)
      finding.mismatches = try applier.verify(history, on: open.target)
      finding.signature = try (open.target as? FileImage)?.signatureMismatches()
      return (finding, open.process?.known(at: position.digest))
    }
    return (finding, nil)
  }
}

/// What was found of one target.
struct VerifiedTarget {
  struct Finding {
    let title: String
    let standing: TargetStanding
    /// Set where a torn target was settled.
    let settled: ApplyReport?
    var mismatches: [ContentMismatch] = []
    /// What is not as the image's code signature says; nil where it has none.
    var signature: [MachOSignatureMismatch]?
    var isAsRecorded: Bool { mismatches.isEmpty && signature?.isEmpty != false }
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
        ("mismatches", .array(mismatches.map(\.json))), ("signature", signature.map { .array($0.map(\.json)) }),
      ]
    case .torn(let position, let intent):
      return [("state", "torn"), ("position", position.json), ("destination", intent.destination.json)]
    }
  }

  fileprivate func lines(_ style: TextStyle) -> [String] {
    switch standing {
    case .at(let position):
      let place = "\(title): at \(style.bold(position.number.title))"
      if isAsRecorded {
        return ["\(place), \(style.green(signature == nil ? "as recorded" : "as recorded and as signed"))"]
      }
      let state = mismatches.isEmpty ? "as recorded, but not as signed" : "not as recorded"
      return ["\(place), \(style.red(state))"] + mismatches.map { "  " + $0.line }
        + (signature ?? []).map { "  code signature: \($0)" }
    case .torn(let position, let intent):
      return [
        "\(title): \(style.red("torn")) on its way from \(position.number.title) to "
          + "\(intent.destination.number.title); settle it with --repair"
      ]
    }
  }
}

extension ContentMismatch {
  fileprivate var line: String {
    let hand = suspect.map { $0 == .breakpoint ? "a debugger's breakpoint" : "another tool's hook" }
    return "\(place.text), of update \(source.update), operation \(source.operation): expected "
      + "\(expected.hexadecimalPreview(16)), found \(found.hexadecimalPreview(16))"
      + (hand.map { "; it looks like \($0)" } ?? "")
  }

  fileprivate var json: JSONValue {
    .object([
      place.member, ("update", .integer(source.update.rawValue)), ("operation", .count(source.operation)),
      ("expected", .string(expected.hexadecimal)), ("found", .string(found.hexadecimal)),
      ("suspect", suspect.map { .string($0.rawValue) }),
    ])
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

extension TargetPlace {
  fileprivate var text: String {
    switch self {
    case .virtual(let address): "\(address)"
    case .file(let offset): "\(offset)"
    }
  }

  fileprivate var member: (String, JSONValue?) {
    switch self {
    case .virtual(let address): ("address", .string("\(address)"))
    case .file(let offset): ("fileOffset", .count(offset.rawValue))
    }
  }
}
