/// What compilers' symbol names tell of the atom behind them.
enum SymbolNaming {
  /// A clone that the compiler derived from a function, or a function within a function (gcc's `helper.0`): its content
  /// is its identity, for neither its calling convention nor its number is stable from one compilation to the next.
  static func isClone(_ name: String) -> Bool {
    // Asked of every name in an object: most have no dot, and then nothing needs to be looked for.
    guard name.utf8.contains(dot) else { return false }
    return stem(name).isNumbered || cloneMarks.contains { name.contains($0) }
  }

  private static let dot = UInt8(ascii: ".")

  private static let cloneMarks = [
    ".isra.", ".constprop.", ".part.", ".cold", ".lto_priv.", ".llvm.", ".specialized.", ".clone.",
  ]

  /// A mark in a section of arm64: here begin instructions (`$x`), here data (`$d`) (AAELF64, Mapping symbols).
  static func isMark(_ name: String) -> Bool {
    name.hasPrefix("$") && (name == "$x" || name == "$d" || name.hasPrefix("$x.") || name.hasPrefix("$d."))
  }

  /// The name without the compiler's numeric suffix, and whether it had one: `n.0` is `n`.
  static func stem(_ name: String) -> (stem: String, isNumbered: Bool) {
    let bytes = name.utf8
    guard let dot = bytes.lastIndex(of: dot), dot != bytes.startIndex else { return (name, false) }
    let suffix = bytes[bytes.index(after: dot)...]
    guard !suffix.isEmpty, suffix.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) else {
      return (name, false)
    }
    return (String(name[..<dot]), true)
  }

  /// Constants that compilers make and number: `CSWTCH.12` (gcc's switch conversion), `switch.table.f` (clang's),
  /// `__func__.3`, `.L…` labels. Their content is their identity.
  static func isAnonymousConstant(_ name: String) -> Bool {
    name.hasPrefix(".L") || name.hasPrefix("switch.table.") || stem(name).isNumbered
  }

  /// GCC's name for the middle of a section from which code reaches its data (-fsection-anchors).
  static func isSectionAnchor(_ name: String) -> Bool { name.hasPrefix(".LANCHOR") }

  /// The function that clang writes before the name of a static local (`f.n`), where the object has that function.
  static func enclosingFunction(of name: String, functions: Set<String>) -> (function: String, name: String)? {
    guard let dot = name.utf8.firstIndex(of: dot), dot != name.startIndex else { return nil }
    let function = String(name[..<dot])
    guard functions.contains(function) else { return nil }
    return (function, String(name[name.index(after: dot)...]))
  }
}
