import CIberty

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The Swift runtime's own demangler, exported by libswiftCore (swift/Demangling/Demangle.h). The result is the caller's to free.
@_silgen_name("swift_demangle")
private func swiftDemangle(
  _ name: UnsafePointer<CChar>, _ byteCount: Int, _ buffer: UnsafeMutablePointer<CChar>?,
  _ bufferByteCount: UnsafeMutablePointer<Int>?, _ flags: UInt32
) -> UnsafeMutablePointer<CChar>?

/// What a symbol's name says in the language it was compiled from.
public enum SymbolName {
  /// How names begin that compilers encode: C++ and old Rust (Itanium ABI), Rust (v0), Swift; for Mach-O with one more `_`.
  public static let encodedPrefixes = ["_Z", "__Z", "_R", "__R", "$s", "_$s", "$S", "_$S", "_T0"]
  /// Longer names are given back as they are: decoding takes time that grows faster than they do.
  private static let maximumByteCount = 8192

  /// `ns::conn::send(int)` for `_ZN2ns4conn4sendEi`; nil where the name is of no encoding that is known.
  public static func decoded(_ name: String) -> String? {
    guard let prefix = encodedPrefixes.first(where: name.hasPrefix), name.utf8.count <= maximumByteCount else {
      return nil
    }
    // An object of Mach-O has one underscore before every name.
    let isSwift = prefix.contains("$") || prefix == "_T0"
    let bare = prefix.hasPrefix("__") ? String(name.dropFirst()) : name
    let text = isSwift ? swift(prefix.hasPrefix("_$") ? String(bare.dropFirst()) : bare) : itaniumOrRust(bare)
    return text == name || text == bare ? nil : text
  }

  /// The name for people: decoded where it can be.
  public static func readable(_ name: String) -> String { decoded(name) ?? name }

  /// A text with each encoded name in it decoded.
  public static func readable(in text: String) -> String {
    guard encodedPrefixes.contains(where: text.contains) else { return text }
    func isOfName(_ character: Character) -> Bool {
      character.isLetter || character.isNumber || "_$.".contains(character)
    }
    var result = ""
    var rest = text[...]
    while let first = rest.first {
      let word = rest.prefix(while: isOfName)
      result += word.isEmpty ? String(first) : readable(String(word))
      rest = rest.dropFirst(max(1, word.count))
    }
    return result
  }

  /// Whether a user who writes `text` means the symbol: by the name as it is, as it is decoded, or that without its parameters.
  public static func matches(_ name: String, _ text: String) -> Bool {
    if name == text { return true }
    guard let decoded = decoded(name) else { return false }
    return decoded == text || withoutParameters(decoded) == text || withoutTrailer(decoded) == text
  }

  /// A word of a decoded name that mostly stands as it is in the encoded one, to look for it by; empty where there is none
  /// (operators have names of their own there).
  public static func searchWord(of text: String) -> String {
    let words = withoutParameters(text).split { !($0.isLetter || $0.isNumber || $0 == "_") }
    return words.last { $0 != "operator" }.map(String.init) ?? ""
  }

  /// `ns::f` for `ns::f(int) const [clone .cold]`; `<lambda(int)>` and `operator()` keep what belongs to them.
  private static func withoutParameters(_ text: String) -> String {
    var depth = 0
    var index = text.startIndex
    while index < text.endIndex {
      switch text[index] {
      case "<": depth += 1
      case ">" where depth > 0: depth -= 1
      case "(" where depth == 0 && index > text.startIndex && !text[..<index].hasSuffix("operator"):
        // `(anonymous namespace)::f(int)` begins its parameters later.
        if text[index...].hasPrefix("(anonymous namespace)") { break }
        return String(text[..<index])
      default: break
      }
      index = text.index(after: index)
    }
    return text
  }

  /// Swift tells the result after the parameters: `main.f(x: Swift.Int) -> ()`.
  private static func withoutTrailer(_ text: String) -> String {
    text.split(separator: " -> ", maxSplits: 1).first.map(String.init) ?? text
  }

  private static func itaniumOrRust(_ name: String) -> String? {
    text(cplus_demangle(name, HCS_DEMANGLE_PARAMETERS | HCS_DEMANGLE_CXX_ABI | HCS_DEMANGLE_AUTO))
  }

  private static func swift(_ name: String) -> String? {
    text(name.withCString { swiftDemangle($0, name.utf8.count, nil, nil, 0) })
  }

  private static func text(_ result: UnsafeMutablePointer<CChar>?) -> String? {
    guard let result else { return nil }
    defer { free(result) }
    return String(cString: result)
  }
}
