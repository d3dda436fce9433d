import ArgumentParser
import Journal
import Linker

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show an update: its atoms, and its operations one by one.")

  @OptionGroup var common: CommonOptions

  @Argument(help: ArgumentHelp("The update: \(UpdateArgument.help).", valueName: "update"))
  var update: UpdateArgument

  @Flag(help: "Print all bytes of each write, not only the first ones.")
  var bytes = false

  func run() throws {
    let store = try common.store(.read)
    let number = try store.position(update).number
    let summary = try store.summary(number)
    if let pruned = summary.pruned { return try show(summary, prunedInto: pruned, store) }
    let recorded = try store.update(number)
    common.emit(
      Shown(
        summary: summary, signatures: try store.signatures(of: summary.digest),
        story: try ObservationStory.lines(of: recorded, in: store), content: recorded.content,
        byteCount: bytes ? .max : 16))
  }

  /// What is left of it; where the shortcut leads to it, with what is done in place of all that it stands for.
  private func show(_ summary: UpdateSummary, prunedInto range: ShortcutRange, _ store: JournalStore) throws {
    guard let shortcut = try store.shortcut(range) else { throw JournalError(.unknownShortcut, name: "\(range)") }
    let content =
      try summary.isPosition
      ? store.update(holding: summary.number).content : store.skeleton(summary.number)
    common.emit(
      Shown(
        summary: summary, signatures: try store.signatures(of: summary.digest), story: nil, content: content,
        byteCount: bytes ? .max : 16,
        shortcut: ShortcutOutput(shortcut, signatures: try store.signatures(ofShortcut: shortcut.digest))))
  }
}

private struct Shown: CommandOutput {
  let summary: UpdateSummary
  let signatures: [UpdateSignature]
  /// Of an observed update, what it did to whom.
  let story: [String]?
  let content: UpdateContent
  let byteCount: Int
  /// Of a pruned update: what stands for it.
  var shortcut: ShortcutOutput?

  var json: JSONValue {
    .object(
      summary.members + [
        ("signatures", signatures.isEmpty ? nil : .array(signatures.map { $0.json(of: summary.digest) })),
        ("shortcut", shortcut?.json), ("story", story.map { .array($0.map(JSONValue.string)) }),
        ("atoms", .array(content.atoms.map(\.json))),
        ("guards", .array(content.guards.map(\.json))),
        ("operations", .array(content.operations.map(\.json))),
        ("types", .array(content.types.map { .string($0.name) })),
      ])
  }

  func lines(_ style: TextStyle) -> [String] {
    var lines = [
      summary.titleLine(style), "digest \(summary.digest)",
      "parent \(summary.parent) (\(summary.parentNumber.title))",
    ]
    lines += signatures.map { "signed \($0.line(of: summary.digest))" } + [""]
    let message = summary.message.split(separator: "\n", omittingEmptySubsequences: false)
    lines +=
      message.map { "    \($0)" } + [""] + (shortcut.map { $0.lines(style) + [""] } ?? [])
      + (story.map { $0 + [""] } ?? [])
    lines.append(style.bold(content.atoms.count.counted("atom")))
    lines += content.atoms.map { "  " + $0.line(style) }
    if !content.guards.isEmpty {
      lines += [style.bold(content.guards.count.counted("guard"))] + content.guards.map { "  " + $0.line }
    }
    if !content.types.isEmpty {
      lines.append(style.bold(content.types.count.counted("new type layout")))
      lines += content.types.map { "  \($0.name), \($0.byteCount) bytes" }
    }
    lines.append(style.bold(content.operations.count.counted("operation")))
    for (index, operation) in content.operations.enumerated() {
      lines.append("  \(String(index).padded(to: 3)) \(operation.line)")
      lines += operation.byteLines(upTo: byteCount).map { "        " + style.faint($0) }
    }
    return lines
  }
}
