import Applier
import ArgumentParser
import Journal

struct SquashCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "squash",
    abstract: "Put the updates after A up to B together as one step, a shortcut; without a range, list the shortcuts.",
    discussion: """
      The shortcut is compared with the updates before it is kept: what it leaves in files and processes is the same, forward and \
      back. The updates stay until `prune` drops them.
      """)

  @OptionGroup var common: CommonOptions

  @Argument(help: ArgumentHelp("From update A, which stays, to update B.", valueName: "A..B"))
  var range: UpdateRangeArgument?

  @Flag(help: "Compare, and keep nothing.")
  var dryRun = false

  @Option(help: ArgumentHelp("Sign the shortcut with this private key (Ed25519; see `key`).", valueName: "key"))
  var sign: String?

  func validate() throws {
    if range == nil, dryRun || sign != nil { throw ValidationError("Name the updates, as A..B.") }
  }

  func run() throws {
    guard let range else { return try list() }
    let key = try sign.map { try KeyFile.signingKey(at: $0) }
    let store = try common.store(dryRun ? .read : .write)
    let draft = try store.shortcutDraft(store.range(range))
    try ShortcutProof(base: store.base).check(draft.step, against: draft.updates)
    var output = Squashed(path: store.path, draft: draft)
    if !dryRun {
      let (shortcut, isNew) = try store.squash(draft, signedBy: key)
      output.shortcut = ShortcutOutput(shortcut, signatures: try store.signatures(ofShortcut: shortcut.digest))
      output.isNew = isNew
    }
    common.emit(output)
  }

  private func list() throws {
    let store = try common.store(.read)
    common.emit(
      Shortcuts(
        shortcuts: try store.shortcuts().map {
          ShortcutOutput($0, signatures: try store.signatures(ofShortcut: $0.digest))
        }))
  }
}

extension JournalStore {
  func range(_ argument: UpdateRangeArgument) throws(JournalError) -> ShortcutRange {
    ShortcutRange(
      from: try argument.from.map { (reference) throws(JournalError) in try position(of: reference).number } ?? .base,
      to: try position(of: argument.to).number)
  }
}

private struct Squashed: CommandOutput {
  let path: String
  let draft: ShortcutDraft
  /// Nil in a dry run.
  var shortcut: ShortcutOutput?
  var isNew = true

  private var operationCount: Int { draft.updates.reduce(0) { $0 + $1.content.operations.count } }

  var json: JSONValue {
    .object([
      ("journal", .string(path)), ("dryRun", .boolean(shortcut == nil)), ("range", draft.range.json),
      ("shortcut", shortcut?.json), ("isNew", .boolean(isNew)),
      ("operationCount", .count(draft.step.content.operations.count)), ("operationCountBefore", .count(operationCount)),
      ("atoms", .array(draft.step.content.atoms.map(\.json))),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    let sizes =
      "\(draft.step.content.operations.count.counted("operation")) in place of \(operationCount), "
      + draft.step.content.atoms.count.counted("atom")
    guard let shortcut else {
      return ["would make the shortcut \(style.bold("\(draft.range)")): \(sizes); nothing was kept"]
    }
    return shortcut.lines(style) + ["  \(isNew ? sizes : "made before: \(sizes)"); proved"]
  }
}

private struct Shortcuts: CommandOutput {
  let shortcuts: [ShortcutOutput]

  var json: JSONValue { .object([("shortcuts", .array(shortcuts.map(\.json)))]) }

  func lines(_ style: TextStyle) -> [String] {
    shortcuts.isEmpty
      ? ["there are no shortcuts; make one with: hcs-journal squash A..B"] : shortcuts.flatMap { $0.lines(style) }
  }
}
