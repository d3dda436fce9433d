import ArgumentParser
import Journal

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write updates as one portable file, for another journal of the same image.",
    discussion: """
      The file proves itself: `import` refuses it when a byte of it is not what was written. An existing file is left alone.
      """)

  @OptionGroup var common: CommonOptions

  @Argument(help: "The file to make.", completion: .file(extensions: ["hcsb"]))
  var file: String

  @Argument(
    help: ArgumentHelp(
      "A..B for those after A up to B, or B for all up to B: \(UpdateArgument.help). Default: every update of every branch.",
      valueName: "updates"))
  var updates: UpdateRangeArgument?

  func run() throws {
    let store = try common.store(.read)
    let exported = try store.export(try numbers(store), to: file)
    common.emit(Written(path: file, exported: exported))
  }

  private func numbers(_ store: JournalStore) throws -> [UpdateNumber] {
    guard let updates else { return try store.allNumbers() }
    let first = try updates.from.map { try store.position(of: $0).digest } ?? store.base.digest
    return try store.numbers(after: first, upTo: store.position(of: updates.to).digest)
  }
}

private struct Written: CommandOutput {
  let path: String
  let exported: JournalStore.Exported

  var json: JSONValue {
    .object([
      ("bundle", .string(path)), ("updateCount", .count(exported.updateCount)),
      ("signatureCount", .count(exported.signatureCount)), ("shortcutCount", .count(exported.shortcutCount)),
      ("byteCount", .count(exported.byteCount)), ("digest", .string("\(exported.digest)")),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    let shortcuts = exported.shortcutCount == 0 ? "" : " and " + exported.shortcutCount.counted("shortcut")
    return [
      "wrote \(style.bold(exported.updateCount.counted("update") + shortcuts)) to \(path), \(exported.byteCount) bytes, "
        + "sha-256 \(exported.digest.abbreviated)"
    ]
  }
}
