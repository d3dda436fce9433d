import Journal
import ObjectFile

/// Finds symbols by the names that people write.
struct SymbolSearch {
  let store: JournalStore

  init(_ store: JournalStore) { self.store = store }

  /// The names, as compilers wrote them, that a text means: itself where a symbol has it, else those that it is the decoded form
  /// of, with or without parameters.
  func names(_ text: String) throws -> [String] {
    let position = try store.newestPosition()
    if try !store.histories(named: text, at: position.digest).isEmpty { return [text] }
    // Most names hold the word; those of operators and lambdas may hold none of what people write.
    for word in [SymbolName.searchWord(of: text), ""] {
      let candidates = try store.names(beginningWith: SymbolName.encodedPrefixes, containing: word)
      let found = candidates.filter { SymbolName.matches($0, text) }
      if !found.isEmpty { return found }
    }
    throw JournalError(.unknownSymbol, journal: store.path, name: text)
  }
}
