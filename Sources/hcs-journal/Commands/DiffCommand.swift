import ArgumentParser
import Foundation
import Journal
import Linker
import ObjectFile

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Tell what differs between two updates; with a symbol, its disassembly side by side.",
    discussion: "What was changed and changed back between the two is no difference. Both may be on different branches."
  )

  @OptionGroup var common: CommonOptions

  @Argument(help: ArgumentHelp("The one: \(UpdateArgument.help).", valueName: "A"))
  var from: UpdateArgument

  @Argument(help: ArgumentHelp("The other.", valueName: "B"))
  var to: UpdateArgument

  @Argument(help: "A function, as the compiler or the source names it.")
  var symbol: String?

  @Option(
    help: ArgumentHelp("How wide the two columns may be together. Default: that of the terminal.", valueName: "columns")
  )
  var width: Int?

  func validate() throws {
    if let width, !(40...1000).contains(width) { throw ValidationError("--width takes 40 to 1000.") }
  }

  func run() throws {
    let store = try common.store(.read)
    let ends = (try store.position(from), try store.position(to))
    guard let symbol else {
      return common.emit(
        Differences(
          from: ends.0, to: ends.1, differences: try store.differences(from: ends.0.digest, to: ends.1.digest)))
    }
    var comparisons: [Comparison] = []
    for name in try SymbolSearch(store).names(symbol) {
      comparisons += try Comparison.all(of: name, ends.0, ends.1, store)
    }
    common.emit(
      SymbolDifferences(from: ends.0, to: ends.1, comparisons: comparisons, width: width ?? TextStyle.columnCount))
  }
}

private struct Differences: CommandOutput {
  let from: TargetHeader.Position
  let to: TargetHeader.Position
  let differences: [AtomDifference]

  var json: JSONValue {
    .object([
      ("from", from.json), ("to", to.json),
      (
        "atoms",
        .array(
          differences.map {
            .object([
              ("difference", .string($0.difference.rawValue)), ("atom", $0.identity.json),
              ("kind", .string($0.kind.word)),
              ("before", $0.before.map { .object($0.members) }), ("after", $0.after.map { .object($0.members) }),
            ])
          })
      ),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    let title = "\(from.number.title) → \(to.number.title)"
    if differences.isEmpty { return ["\(title): nothing differs"] }
    let counts = AtomDifference.Kind.allCases.compactMap { kind in
      let count = differences.count { $0.difference == kind }
      return count == 0 ? nil : "\(count) \(kind.rawValue)"
    }
    return ["\(title): \(counts.joined(separator: ", "))"] + differences.map { "  " + $0.line(style) }
  }
}

extension AtomDifference {
  fileprivate func line(_ style: TextStyle) -> String {
    let word = difference.rawValue.padded(to: 8)
    let colored =
      switch difference {
      case .added: style.green(word)
      case .removed: style.red(word)
      case .moved, .changed: style.yellow(word)
      }
    func place(_ placed: PlacedAtom) -> String {
      "\(placed.placement.body.start), \(placed.placement.body.byteCount) bytes"
    }
    let places = [before.map(place), after.map(place)].compactMap { $0 }
    let text = places.count == 2 && places[0] == places[1] ? places[0] : places.joined(separator: " → ")
    return "\(colored) \(kind.word.padded(to: 8))  \(style.bold(identity.title(as: kind)))  \(text)"
  }
}

/// One function at two updates.
private struct Comparison {
  let identity: AtomIdentity
  let before: PlacedAtom?
  let after: PlacedAtom?
  let code: CodeComparison

  static func all(
    of name: String, _ from: TargetHeader.Position, _ to: TargetHeader.Position, _ store: JournalStore
  ) throws -> [Comparison] {
    func placed(_ position: TargetHeader.Position) throws -> [PlacedAtom] {
      let moved = try store.placements(named: name, at: position.digest)
      let removed = try store.histories(named: name, at: position.digest).filter { history in
        history.bodies.contains { $0.isCurrent && $0.placement == nil }
      }.map(\.identity)
      let unchanged = try store.baseSymbols(named: name).map(store.basePlacement).filter { symbol in
        !removed.contains(symbol.identity) && !moved.contains { $0.identity == symbol.identity }
      }
      return moved + unchanged
    }
    let before = try placed(from)
    let after = try placed(to)
    var identities: [AtomIdentity] = []
    for atom in before + after where atom.kind == .function && !identities.contains(atom.identity) {
      identities.append(atom.identity)
    }
    if identities.isEmpty {
      throw CommandError(
        .invalidOption, detail: "\(name) is no function at either update; leave the symbol out to see data")
    }
    return try identities.map { identity in
      let old = before.first { $0.identity == identity }
      let new = after.first { $0.identity == identity }
      return Comparison(
        identity: identity, before: old, after: new,
        code: try CodeComparison(of: old, at: from.digest, and: new, at: to.digest, in: store))
    }
  }
}

private struct SymbolDifferences: CommandOutput {
  let from: TargetHeader.Position
  let to: TargetHeader.Position
  let comparisons: [Comparison]
  let width: Int

  var json: JSONValue {
    .object([
      ("from", from.json), ("to", to.json),
      (
        "symbols",
        .array(
          comparisons.map { comparison in
            .object([
              ("atom", comparison.identity.json), ("before", comparison.before.map { .object($0.members) }),
              ("after", comparison.after.map { .object($0.members) }),
              ("rows", .array(comparison.code.rows.map(\.json))),
            ])
          })
      ),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    let column = (width - 3) / 2
    return comparisons.flatMap { comparison in
      let changed = comparison.code.rows.count { $0.isChanged }
      let head = [
        style.bold(comparison.identity.title(as: .function)) + ": "
          + (changed == 0 ? "the same" : "\(changed.counted("line")) of \(comparison.code.rows.count) changed"),
        title(from, comparison.before).padded(to: column) + "   " + title(to, comparison.after),
      ]
      return head + comparison.code.rows.map { $0.line(column, style) }
    }
  }

  private func title(_ position: TargetHeader.Position, _ placed: PlacedAtom?) -> String {
    "\(position.number.title): " + (placed.map { "\($0.placement.body.start), \($0.update.shortTitle)" } ?? "not there")
  }
}

extension CodeComparison.Row {
  fileprivate var json: JSONValue {
    func side(_ line: CodeLine?) -> JSONValue? {
      line.map { .object([("offset", .count($0.offset)), ("text", .string($0.text))]) }
    }
    return .object([("changed", .boolean(isChanged)), ("before", side(before)), ("after", side(after))])
  }

  /// As `diff -y`: `|` for other, `<` for gone, `>` for new.
  fileprivate func line(_ column: Int, _ style: TextStyle) -> String {
    func side(_ line: CodeLine?) -> String {
      guard let line else { return "".padded(to: column) }
      let text = ("+" + String(line.offset, radix: 16)).padded(to: 6) + SymbolName.readable(in: line.text)
      return text.count > column ? text.prefix(column - 1) + "…" : text.padded(to: column)
    }
    let mark = !isChanged ? " " : before == nil ? ">" : after == nil ? "<" : "|"
    let text = side(before) + " \(mark) " + side(after)
    let end = text.lastIndex { $0 != " " }.map { text.index(after: $0) } ?? text.startIndex
    let line = String(text[..<end])
    return !isChanged ? line : before == nil ? style.green(line) : after == nil ? style.red(line) : style.yellow(line)
  }
}

extension TextStyle {
  /// Of the terminal on standard output; 120 where there is none.
  fileprivate static var columnCount: Int {
    var size = winsize()
    guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 40 else { return 120 }
    return Int(size.ws_col)
  }
}
