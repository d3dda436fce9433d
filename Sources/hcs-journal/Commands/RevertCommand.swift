import ArgumentParser
import Journal
import Linker

struct RevertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revert",
    abstract:
      "Take update N back alone, or those after A up to B, and keep those after it: as a new update, applied where a target is named.",
    discussion: """
      What later updates have changed again, or what refers to what N brought, is named and refused; nothing is recorded then. \
      The new update can be rolled back, and reverted, like any other.
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup var target: TargetOption
  @OptionGroup var options: ApplyOptions
  @OptionGroup var provenance: ProvenanceOptions

  @Argument(
    help: ArgumentHelp(
      "The update to take back: \(UpdateArgument.help). A..B: those after A up to B.", valueName: "update"))
  var updates: UpdateRangeArgument

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("What it is for. Default: which update is taken back, and what that was for.", valueName: "text")
  )
  var message: String?

  @Option(
    name: [.long, .customLong("onto")],
    help: ArgumentHelp("The update that it follows, which N is on the way to. Default: head.", valueName: "update"))
  var parent: UpdateArgument?

  func run() throws {
    let key = try provenance.signingKey()
    let store = try common.store(options.dryRun ? .read : .write)
    let parent = try parent.map { try store.position($0) } ?? store.newestPosition()
    let reverted = try store.position(of: updates.to)
    guard reverted.number != .base else { throw LinkError(.nothingToRevert, detail: "the base image is no update") }
    let summary = try store.summary(reverted.number)
    let range = try several(in: store)
    let later = try store.numbers(after: reverted.digest, upTo: parent.digest)
    let what = range.map { "revert \($0)" } ?? "revert update \(summary.number): \(summary.message)"
    let description = provenance.description(message ?? what)
    let reversal = try UpdateReversal(store: store, parent: parent.digest)
    let content =
      try range.map { try reversal.revert($0, keeping: later, description) }
      ?? reversal.revert(reverted.number, keeping: later, description)
    var output = Reverted(path: store.path, parent: parent, reverted: summary, range: range, content: content)
    if !options.dryRun {
      let update = try store.append(content, parent: parent.digest, signedBy: key)
      output.update = try store.summary(update.number)
      output.targets = try target.bring(to: update.number, store, options)
      common.log.info("recorded update \(update.number)")
    }
    common.emit(output)
    output.targets.reportFailures(isJSON: common.json)
    try output.targets.status.end()
  }

  /// Nil where one update is named, by its number or as a range of one.
  private func several(in store: JournalStore) throws -> ShortcutRange? {
    guard updates.from != nil else { return nil }
    let range = try store.range(updates)
    let numbers = try store.numbers(after: store.digest(of: range.from), upTo: store.digest(of: range.to))
    if numbers.isEmpty { throw LinkError(.nothingToRevert, detail: "\(range) has no update") }
    // What is pruned is one step for many.
    return try numbers.count == 1 && store.summary(numbers[0]).pruned == nil ? nil : range
  }
}

extension TargetOption {
  /// Takes the targets that are named, if any, to an update that was just recorded.
  func bring(
    to number: UpdateNumber, _ store: JournalStore, _ options: ApplyOptions
  ) throws -> [TargetResult] {
    guard isNamed else { return [] }
    let names = try names(known: all ? store.runningTargets().map(\.pid) : [])
    return TargetMover(store: store, options: options, isDryRun: false).move(names, .replay(number))
  }
}

private struct Reverted: CommandOutput {
  let path: String
  let parent: TargetHeader.Position
  /// The one update, or the last of several.
  let reverted: UpdateSummary
  /// Where several are taken back.
  let range: ShortcutRange?
  let content: UpdateContent
  /// Nil in a dry run.
  var update: UpdateSummary?
  var targets: [TargetResult] = []

  var json: JSONValue {
    .object([
      ("journal", .string(path)), ("dryRun", .boolean(update == nil)), ("parent", parent.json),
      ("reverted", .object(reverted.members)), ("range", range?.json), ("update", update.map { .object($0.members) }),
      ("atoms", .array(content.atoms.map(\.json))), ("guards", .array(content.guards.map(\.json))),
      ("operationCount", .count(content.operations.count)), ("targets", .array(targets.map(\.json))),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    let sizes = "\(content.atoms.count.counted("atom")), \(content.operations.count.counted("operation"))"
    let what = "takes back " + (range.map { "the updates of \($0)" } ?? "\(reverted.number.title) \(reverted.purpose)")
    let title =
      update.map { "recorded \(style.bold($0.number.title)), after \(parent.number.title): \(what): \(sizes)" }
      ?? "would record an update after \(parent.number.title) that \(what): \(sizes); nothing was recorded"
    return [title] + content.atoms.map { "  " + $0.line(style) } + targets.flatMap { $0.lines(style) }
  }
}
