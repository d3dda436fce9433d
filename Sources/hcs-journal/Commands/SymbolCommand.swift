import Addressing
import ArgumentParser
import Journal

struct SymbolCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "symbol", abstract: "List every body that a symbol has had.",
    discussion: "The name is that of the object file, or as the source has it: `ns::send` or `ns::send(int)` for C++.")

  @OptionGroup var common: CommonOptions

  @Argument(help: "The symbol's name.")
  var name: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Tell which body is current at this update: \(UpdateArgument.help). Default: head.", valueName: "update"))
  var update: UpdateArgument?

  func run() throws {
    let store = try common.store(.read)
    let position = try update.map { try store.position($0) } ?? store.newestPosition()
    var histories: [SymbolHistory] = []
    for name in try SymbolSearch(store).names(name) {
      histories += try store.histories(named: name, at: position.digest)
    }
    var bodies = Bodies(store: store, position: position)
    common.emit(
      Symbol(name: name, position: position, histories: try histories.map { try bodies.look(at: $0) }))
  }
}

/// What a listing adds to a body: its update, and the digest of its bytes.
private struct Bodies {
  struct Entry {
    let body: SymbolHistory.Body
    let update: UpdateSummary?
    /// SHA-256 of the bytes as the image file has them at the body's update; nil where they are not in the file.
    let digest: Digest?
  }

  struct History {
    let identity: AtomIdentity
    let kind: AtomKind
    let entries: [Entry]
  }

  let store: JournalStore
  let position: TargetHeader.Position
  private var summaries: [UpdateNumber: UpdateSummary] = [:]

  init(store: JournalStore, position: TargetHeader.Position) {
    self.store = store
    self.position = position
  }

  mutating func look(at history: SymbolHistory) throws -> History {
    let entries = try history.bodies.map { body in
      let update = try summary(of: body.update)
      var digest: Digest?
      if let range = body.placement?.body, !range.isEmpty {
        digest = (try? store.bytes(range, at: update?.digest ?? store.base.digest)).map { Digest.sha256(of: $0) }
      }
      return Entry(body: body, update: update, digest: digest)
    }
    return History(identity: history.identity, kind: history.kind, entries: entries)
  }

  private mutating func summary(of number: UpdateNumber) throws -> UpdateSummary? {
    if number == .base { return nil }
    if let known = summaries[number] { return known }
    let summary = try store.summary(number)
    summaries[number] = summary
    return summary
  }
}

private struct Symbol: CommandOutput {
  let name: String
  let position: TargetHeader.Position
  let histories: [Bodies.History]

  var json: JSONValue {
    .object([
      ("name", .string(name)), ("position", position.json),
      (
        "symbols",
        .array(
          histories.map { history in
            .object([
              ("atom", history.identity.json), ("kind", .string(history.kind.word)),
              ("bodies", .array(history.entries.map(\.json))),
            ])
          })
      ),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    histories.flatMap { history in
      ["\(history.kind.word) \(style.bold(history.identity.title(as: history.kind)))"]
        + history.entries.flatMap { $0.lines(style) }
    }
  }
}

extension Bodies.Entry {
  var json: JSONValue {
    .object([
      ("update", .integer(body.update.rawValue)), ("change", body.change.map { .string($0.word) }),
      ("placement", body.placement?.json), ("digest", digest.map { .string("\($0)") }),
      ("branch", .integer(body.branch)), ("replacedBy", body.replacedBy.map { .integer($0.rawValue) }),
      ("isCurrent", .boolean(body.isCurrent)), ("isOnTheWay", .boolean(body.isOnTheWay)),
      ("updateDigest", update.map { .string("\($0.digest)") }),
      ("time", update.map { .string(PointInTime(milliseconds: $0.time).universal) }),
      ("sourceRevision", (update?.sourceRevision).map(JSONValue.string)),
      ("message", update.map { .string($0.message) }),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    let mark = body.isCurrent ? style.green("*") : body.isOnTheWay ? " " : style.faint("~")
    var parts = [body.update.shortTitle.padded(to: 10), (body.change?.word ?? "base").padded(to: 9)]
    if let placement = body.placement {
      parts.append("\(placement.body.start), \(placement.body.byteCount) bytes of \(placement.capacity)")
    }
    if let digest { parts.append("sha256 \(digest.abbreviated)") }
    var lines = ["\(mark) " + parts.joined(separator: "  ")]
    guard let update else { return lines }
    var words = [update.purpose]
    if let revision = update.sourceRevision { words.append("source \(revision)") }
    if !body.isOnTheWay { words.append("on another branch") }
    lines.append("             " + style.faint(words.joined(separator: "  ")))
    return lines
  }
}
