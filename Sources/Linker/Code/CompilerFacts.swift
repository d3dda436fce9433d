/// What is known of the compiler that made an object or image, from the strings in `.comment` and `DW_AT_producer`.
struct CompilerFacts: Hashable, Sendable {
  enum Family: Hashable, Sendable {
    case gcc
    case clang
    case swift
    case rust
    case zig
    case other
  }

  struct Producer: Hashable, Sendable {
    var family: Family
    /// As printed: `12.2.0`. Nil where the string tells none.
    var version: String?
    /// The options that the string lists (GCC's `DW_AT_producer`); nil where it lists none.
    var options: [String]?
  }

  var producers: [Producer]

  /// - Parameter strings: those of `.comment`, split at its zero bytes, and of every `DW_AT_producer`.
  init(_ strings: [String]) {
    var seen: Set<Producer> = []
    producers = strings.compactMap(Self.producer).filter { seen.insert($0).inserted }
  }

  /// Clang, and the other compilers that stand on LLVM.
  var hasLLVM: Bool { producers.contains { [.clang, .swift, .rust, .zig].contains($0.family) } }

  /// Whether what no symbol names in such an object's writable data is constants alone: GCC puts those that hold
  /// pointers there (the first values of a local array, with -fPIE), and gives every variable a symbol. LLVM may keep
  /// several variables behind one nameless label (`.L_MergedGlobals`).
  var hasConstantsInWritableData: Bool { !producers.isEmpty && producers.allSatisfy { $0.family == .gcc } }

  /// Whether callers in such an object may rely on which registers their callees leave alone (GCC's -fipa-ra, on from
  /// -O2 and -Os). Without debug information a GCC object may; nothing known at all may too.
  var mayRelyOnCalleeRegisters: Bool {
    let compilers = producers.filter { $0.family == .gcc }
    if compilers.isEmpty { return producers.isEmpty }
    let told = compilers.compactMap(\.options)
    guard !told.isEmpty else { return true }
    return told.contains(where: Self.enablesRegisterAllocationAcrossCalls)
  }

  /// Whether code in such an object may go from one variable of a section to another by their distance (GCC's
  /// -fsection-anchors, which arm64 has on from -O1).
  var mayUseSectionAnchors: Bool {
    let compilers = producers.filter { $0.family == .gcc }
    let told = compilers.compactMap(\.options)
    guard !compilers.isEmpty, !told.isEmpty else { return !compilers.isEmpty }
    return told.contains { options in
      if let last = options.last(where: { $0 == "-fsection-anchors" || $0 == "-fno-section-anchors" }) {
        return last == "-fsection-anchors"
      }
      return options.last { $0.hasPrefix("-O") }.map { $0 != "-O0" } ?? false
    }
  }

  private static func enablesRegisterAllocationAcrossCalls(_ options: [String]) -> Bool {
    if let last = options.last(where: { $0 == "-fipa-ra" || $0 == "-fno-ipa-ra" }) { return last == "-fipa-ra" }
    guard let level = options.last(where: { $0.hasPrefix("-O") }) else { return false }
    return !["-O0", "-O", "-O1", "-Og"].contains(level)
  }

  private static func producer(_ string: String) -> Producer? {
    let words = string.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
    guard let first = words.first else { return nil }
    if first == "GCC:" || first == "GNU" { return gcc(words) }
    if string.contains("clang LLVM (rustc") || first == "rustc" {
      return Producer(family: .rust, version: version(after: "version", in: words))
    }
    if string.contains("Swift version") {
      return Producer(family: .swift, version: version(after: "version", in: words))
    }
    if string.contains("clang version") {
      return Producer(family: .clang, version: version(after: "version", in: words))
    }
    if first == "zig" { return Producer(family: .zig, version: words.dropFirst().first) }
    // The linker leaves its own name in .comment.
    if string.hasPrefix("Linker:") || string.hasPrefix("mold ") { return nil }
    return Producer(family: .other)
  }

  // `GCC: (Debian 12.2.0-14+deb12u1) 12.2.0` · `GNU C17 12.2.0 -mtune=generic -g -O2 …` · `GNU GIMPLE 12.2.0 …` (LTO)
  private static func gcc(_ words: [String]) -> Producer? {
    if words.first == "GCC:" { return Producer(family: .gcc, version: words.last.flatMap(number)) }
    // `GNU AS 2.40` is the assembler: it has no callers that rely on anything.
    if words.dropFirst().first == "AS" { return nil }
    guard let position = words.firstIndex(where: { number($0) != nil }) else { return Producer(family: .gcc) }
    return Producer(family: .gcc, version: words[position], options: Array(words[(position + 1)...]))
  }

  private static func version(after word: String, in words: [String]) -> String? {
    guard let position = words.firstIndex(where: { $0.hasSuffix(word) }) else { return nil }
    return words[(position + 1)...].first.map { String($0.prefix { $0.isNumber || $0 == "." }) }
  }

  private static func number(_ word: String) -> String? {
    word.first?.isNumber == true && word.contains(".") ? word : nil
  }
}
