import Addressing
import Journal
import Linker

/// Answers what stands at addresses, at one update, of one process or of the image as linked.
struct AddressBook {
  let store: JournalStore
  let position: TargetHeader.Position
  let slide: Slide
  /// A backtrace holds return addresses: the code that called stands before them.
  let areReturnAddresses: Bool
  private var lines: ImageLines
  private var answers: [UInt64: AddressAnswer] = [:]
  private var summaries: [UpdateNumber: UpdateSummary] = [:]

  init(store: JournalStore, position: TargetHeader.Position, slide: Slide, areReturnAddresses: Bool) {
    self.store = store
    self.position = position
    self.slide = slide
    self.areReturnAddresses = areReturnAddresses
    lines = ImageLines(store: store)
  }

  /// - Parameter given: as it stands in the process, or in the image where there is no slide.
  mutating func answer(_ given: UInt64) throws -> AddressAnswer {
    if let known = answers[given] { return known }
    let address = RuntimeAddress(rawValue: given).virtualAddress(slide: slide)
    let asked = areReturnAddresses ? VirtualAddress(address.rawValue &- 1) : address
    var answer = AddressAnswer(given: given, address: address)
    answer.segment = store.base.segments.first { $0.range.contains(asked) }
    if answer.segment != nil, let history = try store.history(of: asked, at: position.digest) {
      answer.history = history
      answer.update = try summary(of: history.placed.update)
      answer.line = try line(of: history)
    }
    answers[given] = answer
    return answer
  }

  private mutating func summary(of number: UpdateNumber) throws -> UpdateSummary? {
    if number == .base { return nil }
    if let known = summaries[number] { return known }
    let summary = try store.summary(number)
    summaries[number] = summary
    return summary
  }

  private mutating func line(of history: AddressHistory) throws -> SourcePlace? {
    if history.placed.update != .base {
      let placed = try store.update(holding: history.placed.update).content.sources.line(at: history.address)
      let isOfArena = store.base.segments.contains { $0.isPartOfArena && $0.range.contains(history.address) }
      // A body of the image's own that an update went back to has its lines in the image.
      if placed != nil || isOfArena { return placed }
    }
    return lines.line(at: history.address)
  }
}

/// What is known of one address.
struct AddressAnswer {
  /// As the user gave it.
  let given: UInt64
  let address: VirtualAddress
  /// Nil for an address outside of the image and its arena.
  var segment: Segment?
  /// Nil where no atom has ever stood.
  var history: AddressHistory?
  /// The update that placed the atom there; nil for the base image.
  var update: UpdateSummary?
  var line: SourcePlace?

  init(given: UInt64, address: VirtualAddress) {
    self.given = given
    self.address = address
  }

  /// From the start of the body to the address as it was given.
  private var offset: UInt64 { address.rawValue &- (history?.placed.placement.body.start.rawValue ?? 0) }

  private var place: String {
    guard let placed = history?.placed else { return "??" }
    return placed.identity.title(as: placed.kind) + "+0x" + String(offset, radix: 16)
  }

  /// What a filter puts behind the address; nil where there is nothing to say.
  var annotation: String? {
    guard let history else { return nil }
    var parts = [place, history.placed.update.shortTitle]
    if !history.placed.isCurrent { parts.append("old body") }
    if let line { parts.append(line.shortText) }
    return "<" + parts.joined(separator: ", ") + ">"
  }

  func lines(_ style: TextStyle) -> [String] {
    let given = "0x" + String(self.given, radix: 16)
    let head = self.given == address.rawValue ? given : "\(given) (\(address))"
    guard let history else {
      guard let segment else { return ["\(head)  ?? not in the image"] }
      return [
        "\(head)  ?? no symbol, in \(segment.isPartOfArena ? "the arena's" : "the image's") \(segment.protection) segment"
      ]
    }
    let placed = history.placed
    var lines = ["\(head)  \(style.bold(place))"]
    if let line { lines.append("  \(line.file):\(line.line)") }
    lines.append("  \(placed.placementText)\(update.map { "  " + $0.purpose } ?? "")")
    if !placed.isCurrent {
      let now = history.current.map { "now at \($0.placement.body.start), \($0.update.title)" } ?? "removed since"
      lines.append("  " + style.yellow("an old body: ") + now)
    }
    if let previous = history.previous { lines.append("  before: \(previous.placementText)") }
    if let replaced = history.replaced, replaced != history.previous {
      lines.append("  here before: \(replaced.identity.title(as: replaced.kind)), \(replaced.placementText)")
    }
    if let overwritten = history.overwritten {
      let isStub = placed.placement.entry == placed.placement.body.start && !placed.isCurrent && history.offset < 16
      lines.append("  its bytes here were written by update \(overwritten)" + (isStub ? ": the entry stub" : ""))
    }
    return lines
  }

  var json: JSONValue {
    let shared: [(String, JSONValue?)] = [
      ("given", .string("0x" + String(given, radix: 16))), ("address", .string("\(address)")),
    ]
    guard let history else {
      return .object(
        shared + [
          ("segment", segment.map { .object($0.range.members + [("protection", .string("\($0.protection)"))]) })
        ])
    }
    return .object(
      shared + history.placed.members + [
        ("offset", .count(offset)), ("sourceRevision", (update?.sourceRevision).map(JSONValue.string)),
        ("message", update.map { .string($0.message) }),
        ("source", line.map { .object([("file", .string($0.file)), ("line", .count($0.line))]) }),
        ("current", history.current.map { .object($0.members) }),
        ("previous", history.previous.map { .object($0.members) }),
        ("replaced", history.replaced.map { .object($0.members) }),
        ("overwrittenBy", history.overwritten.map { .integer($0.rawValue) }),
      ])
  }
}

extension PlacedAtom {
  /// `update 2's body at 0x40a000, 43 bytes of 64`.
  fileprivate var placementText: String {
    let owner = update == .base ? "the base image's" : "update \(update)'s"
    let noun = kind == .function ? "body" : kind.word
    let room = placement.capacity == placement.body.byteCount ? "" : " of \(placement.capacity)"
    return "\(owner) \(noun) at \(placement.body.start), \(placement.body.byteCount) bytes\(room)"
  }

  var members: [(String, JSONValue?)] {
    [
      ("atom", identity.json), ("kind", .string(kind.word)), ("update", .integer(update.rawValue)),
      ("isCurrent", .boolean(isCurrent)), ("placement", placement.json),
    ]
  }
}

extension UpdateNumber {
  /// As a filter writes it.
  var shortTitle: String { self == .base ? "base" : "update \(rawValue)" }
}

extension SourcePlace {
  fileprivate var shortText: String { "\(file.split(separator: "/").last.map(String.init) ?? file):\(line)" }
}

extension UpdateSummary {
  /// The first line of its message.
  var purpose: String { message.split(separator: "\n").first.map { "\"\($0)\"" } ?? "(no message)" }
}
