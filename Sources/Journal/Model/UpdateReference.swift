/// An update as people name it: `12`, `base`, `head`, a tag, the first digits of a digest, each with `~N` for its Nth ancestor.
///
/// What a name stands for is the journal's to say (`JournalStore.position(of:)`).
public struct UpdateReference: Hashable, Sendable {
  public enum Start: Hashable, Sendable {
    /// The base image.
    case base
    /// The newest update of all branches.
    case head
    case number(UpdateNumber)
    /// A tag, or the first digits of a digest in small letters.
    case name(String)
  }

  /// As it was written.
  public var text: String
  public var start: Start
  /// How many parents back.
  public var ancestor: Int

  /// Fewer digits of a digest name nothing.
  public static let digestPrefixCount = 8

  /// Nil where no update can be named so.
  public init?(_ text: String) {
    self.text = text
    var name = Substring(text)
    ancestor = 0
    if let mark = text.lastIndex(of: "~") {
      name = text[..<mark]
      let count = text[text.index(after: mark)...]
      // `head~` is the one before, as in git.
      guard count.isEmpty || count.allSatisfy(\.isASCII), let steps = count.isEmpty ? 1 : Int(count), steps >= 0
      else { return nil }
      ancestor = steps
    }
    switch name {
    case "": return nil
    case "base": start = .base
    case "head": start = .head
    default:
      if name.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int64(name) {
        start = .number(UpdateNumber(number))
      } else {
        guard !name.contains("~"), !name.hasPrefix("-") else { return nil }
        start = .name(String(name))
      }
    }
  }

  public static let head = UpdateReference(start: .head, text: "head")
  public static let base = UpdateReference(start: .base, text: "base")

  private init(start: Start, text: String) {
    self.start = start
    self.text = text
    ancestor = 0
  }
}
