import ArgumentParser
import Journal
import Linker

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "List the updates of a journal, the newest first.")

  @OptionGroup var common: CommonOptions

  @Argument(
    help: ArgumentHelp(
      "Only those on the way to B and not on the way to A; B alone: all on the way to it.", valueName: "A..B"))
  var range: UpdateRangeArgument?

  @Option(name: [.customShort("n"), .long], help: ArgumentHelp("List at most so many.", valueName: "count"))
  var count: Int?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Only those that changed this symbol, as the compiler or the source names it.", valueName: "name"))
  var symbol: String?

  @Option(help: ArgumentHelp("Only those recorded at or after: \(TimeArgument.help).", valueName: "time"))
  var since: TimeArgument?

  @Option(help: ArgumentHelp("Only those recorded at or before.", valueName: "time"))
  var until: TimeArgument?

  @Option(help: ArgumentHelp("Only those whose author's name holds this.", valueName: "text"))
  var author: String?

  @Option(help: ArgumentHelp("Only those whose message holds this.", valueName: "text"))
  var grep: String?

  @Flag(help: "Draw how the updates follow one another.")
  var graph = false

  func validate() throws {
    if let count, count < 0 { throw ValidationError("-n takes a count of 0 or more.") }
    if graph, symbol != nil || since != nil || until != nil || author != nil || grep != nil {
      throw ValidationError("--graph draws a whole history, or that of A..B: leave the other filters out.")
    }
  }

  func run() throws {
    let store = try common.store(.read)
    var query = LogQuery()
    query.limit = count ?? .max
    query.from = try range?.from.map { try store.position(of: $0).digest }
    query.to = try range.map { try store.position(of: $0.to).digest }
    query.atoms = try symbol.map { try SymbolSearch(store).names($0) }
    query.since = since?.milliseconds
    query.until = until?.milliseconds
    query.author = author
    query.text = grep
    let tags = Dictionary(grouping: try store.tags(), by: \.update).mapValues { $0.map(\.name) }
    let unfinished = common.tellUnfinished(in: store)
    let isWhole = range?.from == nil && symbol == nil && since == nil && until == nil && author == nil && grep == nil
    common.emit(
      Listing(
        path: store.path, base: store.base, updates: try store.log(query), tags: tags, isGraph: graph,
        endsAtBase: isWhole, unfinished: unfinished,
        rooms: store.base.isPrepared ? try ArenaUse(of: store.base, try store.cursors()) : nil))
  }
}

private struct Listing: CommandOutput {
  let path: String
  let base: BaseImage
  let updates: [UpdateSummary]
  let tags: [UpdateNumber: [String]]
  let isGraph: Bool
  /// Whether nothing was filtered out that would stand between the last one listed and the base.
  let endsAtBase: Bool
  let unfinished: [UnfinishedTarget]
  /// Nil where nothing is linked.
  let rooms: ArenaUse?

  var json: JSONValue {
    .object([
      ("journal", .string(path)), ("base", base.json),
      (
        "updates",
        .array(
          updates.map { update in
            .object(update.members + [("tags", tags[update.number].map { .array($0.map(JSONValue.string)) })])
          })
      ), ("unfinished", unfinished.json), ("arena", rooms?.json),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    var entries = updates.map { update in
      let message = update.message.split(separator: "\n").first.map(String.init) ?? "(no message)"
      return HistoryGraph.Entry(
        number: update.number, parent: update.parentNumber,
        lines: [
          update.titleLine(style) + tagText(update.number, style),
          "  \(style.bold(message))  \(style.faint(update.sizes))",
        ])
    }
    if endsAtBase, updates.last.map({ $0.parentNumber == .base }) ?? true {
      let line = "\(style.yellow("base"))  \(base.digest.abbreviated)  \(base.originalPath)" + tagText(.base, style)
      entries.append(HistoryGraph.Entry(number: .base, parent: nil, lines: [line]))
    }
    let notes = (rooms?.notes ?? []).map { style.yellow("note: ") + $0.line }
    return (isGraph ? HistoryGraph(entries).lines : entries.flatMap(\.lines)) + notes
  }

  private func tagText(_ number: UpdateNumber, _ style: TextStyle) -> String {
    tags[number].map { "  " + style.green("[\($0.joined(separator: ", "))]") } ?? ""
  }
}

extension ArenaUse {
  var json: JSONValue {
    .array(
      rooms.map { room in
        .object([
          ("part", .string(room.part.rawValue)), ("used", .count(room.used)), ("capacity", .count(room.capacity)),
          ("isLow", .boolean(room.isLow)),
        ])
      })
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
