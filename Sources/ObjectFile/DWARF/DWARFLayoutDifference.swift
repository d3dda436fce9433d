extension DWARFTypeLayout {
  /// What differs between two texts of layouts, or of types, for a message: `member `len` moved from byte 8 to byte 16`.
  ///
  /// Causes come before what follows from them: what was added, went or changed its type, then what moved. For two
  /// equal texts it says so. Never a decision: layouts are the same if and only if their texts are.
  public static func difference(between old: String, and new: String) -> String {
    if old == new { return "no difference" }
    guard let old = LayoutText(old), let new = LayoutText(new) else {
      return "`\(old.withoutDigest)` became `\(new.withoutDigest)`"
    }
    let shown = 3
    let differences = old.differences(to: new, depth: 0)
    let text = differences.prefix(shown).joined(separator: "; ")
    return differences.count > shown ? text + "; and \(differences.count - shown) more" : text
  }

  /// Whether an enum has only gained enumerators: every old value still means what it meant.
  public static func onlyAddsEnumerators(from old: String, to new: String) -> Bool {
    guard let old = LayoutText(old), let new = LayoutText(new), old.isEnumeration, new.isEnumeration,
      old.byteCount == new.byteCount
    else { return false }
    return Set(old.members.map(\.text)).isSubset(of: new.members.map(\.text))
  }
}

/// The text of a layout, taken apart again.
private struct LayoutText {
  var keyword: Substring
  var byteCount: Substring
  var members: [Member]

  struct Member {
    /// Everything, as written.
    var text: Substring
    /// Empty for an anonymous struct or union.
    var name: Substring
    /// `12`, or `12.3/2` for a bit-field; of an enumerator the value.
    var place: Substring
    var type: Substring
  }

  var isEnumeration: Bool { keyword == "enum" }

  /// Nil where the text is not that of a struct, union, class or enum written out.
  init?(_ text: some StringProtocol) {
    let text = Substring(text)
    guard let brace = text.firstIndex(of: "{"), text.last == "}" else { return nil }
    let head = text[..<brace].split(separator: " ")
    guard head.count == 2, UInt64(head[1]) != nil else { return nil }
    keyword = head[0]
    byteCount = head[1]
    let isEnumeration = keyword == "enum"
    let inside = text[text.index(after: brace)..<text.index(before: text.endIndex)]
    members = Self.split(inside).map { Member($0, isEnumeration: isEnumeration) }
  }

  /// Splits at the semicolons that stand outside all brackets.
  private static func split(_ text: Substring) -> [Substring] {
    var result: [Substring] = []
    var depth = 0
    var start = text.startIndex
    for index in text.utf8.indices {
      switch text.utf8[index] {
      case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "("): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ")"): depth -= 1
      case UInt8(ascii: ";") where depth <= 0:
        result.append(text[start..<index])
        start = text.utf8.index(after: index)
        if start < text.endIndex, text.utf8[start] == UInt8(ascii: " ") { start = text.utf8.index(after: start) }
      default: break
      }
    }
    if start < text.endIndex { result.append(text[start...]) }
    return result
  }
}

extension LayoutText.Member {
  init(_ text: Substring, isEnumeration: Bool) {
    self.text = text
    let sign: Character = isEnumeration ? "=" : "@"
    let at = text.firstIndex(of: sign) ?? text.endIndex
    name = text[..<at]
    let rest = text[at...].dropFirst()
    let space = isEnumeration ? rest.endIndex : rest.firstIndex(of: " ") ?? rest.endIndex
    place = rest[..<space]
    type = rest[space...].dropFirst()
  }

  var title: String { name.isEmpty ? "the member without a name at \(placeInWords)" : "member `\(name)`" }

  /// `byte 12`, or `byte 12, bit 3, 2 wide`.
  var placeInWords: String {
    let parts = place.split { $0 == "." || $0 == "/" }
    guard parts.count == 3 else { return "byte \(place)" }
    return "byte \(parts[0]), bit \(parts[1]), \(parts[2]) wide"
  }
}

extension LayoutText {
  /// Deeper nesting than C programmers write is not taken apart.
  private static let depthLimit = 8

  func differences(to new: LayoutText, depth: Int) -> [String] {
    guard keyword == new.keyword else { return ["the \(keyword) became a \(new.keyword)"] }
    var causes: [String] = []
    var moves: [String] = []
    // Members without a name answer to each other in their order.
    let olds = numbered(members)
    let news = numbered(new.members)
    let newByKey = Dictionary(news.map { ($0.key, $0.member) }) { first, _ in first }
    let oldKeys = Set(olds.map(\.key))
    for (key, member) in olds {
      guard let other = newByKey[key] else {
        causes.append(gone(member, among: news.filter { !oldKeys.contains($0.key) }.map(\.member)))
        continue
      }
      if isEnumeration {
        if member.place != other.place {
          causes.append("enumerator `\(member.name)` changed from \(member.place) to \(other.place)")
        }
        continue
      }
      if member.type != other.type { causes += typeDifferences(member, other, depth: depth) }
      if member.place != other.place {
        moves.append("\(member.title) moved from \(member.placeInWords) to \(other.placeInWords)")
      }
    }
    causes += added(news.filter { !oldKeys.contains($0.key) }.map(\.member), besides: olds.map(\.member), newByKey)
    if byteCount != new.byteCount { moves.append("\(new.byteCount) bytes in place of \(byteCount)") }
    let all = causes + moves
    return all.isEmpty ? ["its members stand in another order"] : all
  }

  private struct Key: Hashable {
    var name: Substring
    var ordinal: Int
  }

  private func numbered(_ members: [Member]) -> [(key: Key, member: Member)] {
    var counts: [Substring: Int] = [:]
    return members.map { member in
      defer { counts[member.name, default: 0] += 1 }
      return (Key(name: member.name, ordinal: counts[member.name] ?? 0), member)
    }
  }

  private func gone(_ member: Member, among candidates: [Member]) -> String {
    if isEnumeration { return "enumerator `\(member.name)` is gone" }
    if let renamed = candidates.first(where: { $0.place == member.place && $0.type == member.type }) {
      return "\(member.title) at \(member.placeInWords) is called `\(renamed.name)` now"
    }
    return "\(member.title) is gone"
  }

  /// What is new and was not told already as a new name of what is gone.
  private func added(_ candidates: [Member], besides olds: [Member], _ news: [Key: Member]) -> [String] {
    candidates.compactMap { member in
      if isEnumeration { return "enumerator `\(member.name)` was added" }
      let isRename = olds.contains {
        $0.place == member.place && $0.type == member.type && news[Key(name: $0.name, ordinal: 0)] == nil
      }
      return isRename ? nil : "\(member.title) was added" + (member.name.isEmpty ? "" : " at \(member.placeInWords)")
    }
  }

  private func typeDifferences(_ old: Member, _ new: Member, depth: Int) -> [String] {
    if depth < Self.depthLimit, let inner = LayoutText(old.type), let newInner = LayoutText(new.type) {
      return inner.differences(to: newInner, depth: depth + 1).map { "in \(old.title): " + $0 }
    }
    let (before, after) = (old.type.withoutDigest, new.type.withoutDigest)
    if before == after { return ["\(old.title): the layout of `\(before)` changed"] }
    return ["\(old.title) changed from `\(before)` to `\(after)`"]
  }
}

extension StringProtocol {
  /// A digest says nothing to a reader.
  fileprivate var withoutDigest: String {
    guard let sign = lastIndex(of: "#"), distance(from: sign, to: endIndex) == 17 else { return String(self) }
    return String(self[..<sign]).trimmingTrailingSpaces
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    var result = self
    while result.last == " " { result.removeLast() }
    return result
  }
}
