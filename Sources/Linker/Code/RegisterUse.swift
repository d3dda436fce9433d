import Addressing

/// What a function's body does to registers that its callers need not save: by itself, and through what it calls.
struct RegisterUse: Hashable, Sendable {
  /// By the name of the whole register (`rax`, `xmm3`, `x5`, `v2`), those left out that a function has to preserve.
  var written: Set<String> = []
  /// Where it calls and jumps to, outside of itself.
  var calls: Set<VirtualAddress> = []
  /// It calls what cannot be told: a compiler takes all such registers to be changed.
  var callsAnything = false
  /// Whether all of it could be decoded.
  var isComplete: Bool

  /// Whether a caller that expects this use is right about the other body as well.
  func covers(_ other: RegisterUse) -> Bool {
    if callsAnything { return true }
    return isComplete && other.isComplete && !other.callsAnything && other.written.isSubset(of: written)
      && other.calls.isSubset(of: calls)
  }

  /// The whole register that a part belongs to; nil for one that calls preserve, or that holds no value across them.
  static func whole(_ part: String) -> String? {
    let name = renamed[part] ?? part
    if preserved.contains(name) { return nil }
    let letters = name.prefix { !$0.isNumber }
    let number = name.dropFirst(letters.count).prefix(while: \.isNumber)
    let rest = name.dropFirst(letters.count + number.count)
    switch letters {
    case "xmm", "ymm", "zmm": return "xmm\(number)"
    case "r" where !number.isEmpty:
      // r8d, r8w, r8b.
      return ["", "d", "w", "b"].contains(rest) && !preserved.contains("r\(number)") ? "r\(number)" : nil
    case "w", "x": return number.isEmpty || preserved.contains("x\(number)") ? nil : "x\(number)"
    case "b", "h", "s", "d", "q", "v": return number.isEmpty ? nil : "v\(number)"
    default: return name
    }
  }

  private static let renamed: [String: String] = {
    var names: [String: String] = [:]
    for letter in ["a", "b", "c", "d"] {
      for part in ["\(letter)l", "\(letter)h", "\(letter)x", "e\(letter)x"] { names[part] = "r\(letter)x" }
    }
    for word in ["si", "di", "bp", "sp"] {
      for part in ["\(word)l", word, "e\(word)"] { names[part] = "r\(word)" }
    }
    return names
  }()

  /// x86-64 (psABI 3.2.1) and arm64 (AAPCS64 6.1.1), each with flags and what calls themselves change.
  private static let preserved: Set<String> = [
    "rbx", "rbp", "rsp", "r12", "r13", "r14", "r15", "rip", "rflags", "eflags", "flags",
    "x16", "x17", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30",
    "sp", "wsp", "lr", "fp", "xzr", "wzr", "nzcv",
  ]
}
