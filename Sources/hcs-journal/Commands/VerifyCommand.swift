import Applier
import ArgumentParser
import Journal

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Compare the journal with itself, and targets with the journal.")

  @OptionGroup var common: CommonOptions
  @OptionGroup var target: TargetOption
  @OptionGroup var options: ApplyOptions

  @Flag(help: "Settle a torn target: finish what an applier that died had begun.")
  var repair = false

  func run() throws {
    let store = try common.store(.write)
    let verification = try store.verify()
    var targets: [VerifiedTarget] = []
    if target.isNamed {
      let names = try target.names(known: target.all ? store.runningTargets().map(\.pid) : [])
      let verifier = TargetVerifier(store: store, options: options, isRepairing: repair)
      targets = names.map { verifier.verify($0) }
    }
    common.emit(Verified(path: store.path, journal: verification, targets: targets))
    for case .failure(let error) in targets.map(\.outcome) where !common.json {
      StandardStream.error.write(Failure(error).text)
    }
    try (targets.map(\.status) + [verification.isSound ? .done : .failed]).max()?.end()
  }
}

private struct Verified: CommandOutput {
  let path: String
  let journal: JournalVerification
  let targets: [VerifiedTarget]

  var json: JSONValue {
    .object([
      (
        "journal",
        .object([
          ("path", .string(path)), ("sound", .boolean(journal.isSound)), ("updateCount", .count(journal.updateCount)),
          ("payloadCount", .count(journal.payloadCount)), ("findings", .array(journal.findings.map(\.json))),
        ])
      ),
      ("targets", .array(targets.map(\.json))),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    let counts = "\(journal.updateCount.counted("update")), \(journal.payloadCount.counted("payload"))"
    let findings = journal.findings.map { "  " + style.red("\($0)") }
    let state = journal.isSound ? style.green("sound") : style.red(journal.findings.count.counted("finding"))
    return ["\(path): \(state), \(counts)"] + findings + targets.flatMap { $0.lines(style) }
  }
}

extension JournalVerification.Finding {
  fileprivate var json: JSONValue {
    .object([
      ("subject", .string(subject.rawValue)), ("update", update.map { .integer($0.rawValue) }),
      ("detail", .string(detail)),
    ])
  }
}
