import ArgumentParser
import Journal

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "List the updates of a journal, the newest first.")

  @OptionGroup var common: CommonOptions

  @Option(name: [.customShort("n"), .long], help: ArgumentHelp("List at most so many.", valueName: "count"))
  var count: Int?

  func validate() throws {
    if let count, count < 0 { throw ValidationError("-n takes a count of 0 or more.") }
  }

  func run() throws {
    let store = try common.store(.read)
    common.emit(Listing(path: store.path, base: store.base, updates: try store.log(limit: count ?? .max)))
  }
}

private struct Listing: CommandOutput {
  let path: String
  let base: BaseImage
  let updates: [UpdateSummary]

  var json: JSONValue {
    .object([
      ("journal", .string(path)), ("base", base.json), ("updates", .array(updates.map { .object($0.members) })),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    let listed = updates.flatMap { update in
      let message = update.message.split(separator: "\n").first.map(String.init) ?? "(no message)"
      return [update.titleLine(style), "  \(style.bold(message))  \(style.faint(update.sizes))"]
    }
    if updates.last.map({ $0.parentNumber != .base }) ?? false { return listed }
    return listed + ["\(style.yellow("base"))  \(base.digest.abbreviated)  \(base.originalPath)"]
  }
}

extension BaseImage {
  var json: JSONValue {
    .object([
      ("digest", .string("\(digest)")), ("identity", .string(identity.hexadecimal)),
      ("original", .string(originalPath)), ("prepared", .string(preparedPath)),
      ("architecture", .string(architecture == .x86_64 ? "x86-64" : "arm64")),
      ("positionIndependent", .boolean(isPositionIndependent)),
    ])
  }
}
