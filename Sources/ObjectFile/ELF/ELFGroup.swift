/// A section group (gABI, Section Groups): sections that stay or go together.
public struct ELFGroup: Hashable, Sendable {
  public let sectionIndex: Int
  /// Of several COMDAT groups with one signature, a linker keeps one.
  public let signature: String
  public let isComdat: Bool
  public let members: [Int]
}

extension ELFFile {
  public func groups() throws(ObjectFileError) -> [ELFGroup] {
    var result: [ELFGroup] = []
    var symbols: ELFSymbolTable?
    for index in sections.indices where sections.type(of: index) == .group {
      let section = sections[index]
      if symbols == nil { symbols = try symbolTable(.static) }
      // An object has one symbol table (gABI, Sections): a group that is signed in another is not looked up.
      guard let symbols, symbols.section?.index == Int(section.link) else {
        throw failure(.unexpectedSectionType, in: section, detail: "sh_link of a group is not the symbol table")
      }
      result.append(try group(in: section, symbols: symbols))
    }
    return result
  }

  private func group(in section: ELFSection, symbols: ELFSymbolTable) throws(ObjectFileError) -> ELFGroup {
    let words = try records(of: section, entryByteCount: 4)
    guard words.count >= 4 else { throw failure(.malformedTable, in: section, detail: "a group without its flag word") }
    var members: [Int] = []
    members.reserveCapacity(words.count / 4 - 1)
    for at in stride(from: 4, to: words.count, by: 4) {
      let member = try self.section(at: Int(words.loadValidated(UInt32.self, at: at)))
      guard member.type != .group else {
        throw failure(.cyclicReference, in: section, detail: "a group holds group \(member.index)")
      }
      members.append(member.index)
    }
    return ELFGroup(
      sectionIndex: section.index, signature: try signature(symbols.symbol(at: Int(section.info)), symbols),
      isComdat: words.loadValidated(UInt32.self, at: 0) & 1 != 0, members: members)
  }

  /// Assemblers may sign a group with a section symbol, which has no name of its own.
  private func signature(_ symbol: ELFSymbol, _ symbols: ELFSymbolTable) throws(ObjectFileError) -> String {
    if symbol.kind == .section, symbol.nameOffset == 0, case .section(let index) = symbol.place {
      return name(of: sections[index])
    }
    return try symbols.name(of: symbol)
  }
}
