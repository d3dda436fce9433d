/// Look-up of an image's dynamic symbols by name and version, as a loader does it.
///
/// Making it checks the tables; a look-up then costs one hash chain.
public struct ELFDynamicSymbols: Sendable {
  public let table: ELFSymbolTable
  public let versions: ELFSymbolVersions?
  private let hash: ELFSymbolHash?

  init(table: ELFSymbolTable, versions: ELFSymbolVersions?, hash: ELFSymbolHash?) {
    self.table = table
    self.versions = versions
    self.hash = hash
  }

  /// The defined symbol of a name: of one version, or, where `version` is nil, the default one.
  public func symbol(named name: String, version: String? = nil) throws(ObjectFileError) -> ELFSymbol? {
    func accept(_ index: Int) throws(ObjectFileError) -> Bool {
      let symbol = try table.symbol(at: index)
      return symbol.isDefined && symbol.binding != .local && table.nameMatches(symbol, name)
        && hasVersion(index, version)
    }
    if let hash { return try hash.first(named: name, where: accept).map { table[$0] } }
    for index in table.indices where try accept(index) { return table[index] }
    return nil
  }

  private func hasVersion(_ index: Int, _ wanted: String?) -> Bool {
    guard let versions, let raw = versions.rawIndex(of: index) else { return wanted == nil }
    guard let wanted else { return raw != 0 && raw & 0x8000 == 0 }
    return versions.version(of: index)?.name == wanted
  }
}

extension ELFFile {
  /// Nil for a file without dynamic symbols.
  public func dynamicSymbols() throws(ObjectFileError) -> ELFDynamicSymbols? {
    guard let table = try symbolTable(.dynamic) else { return nil }
    return ELFDynamicSymbols(table: table, versions: try versions(), hash: try symbolHash())
  }

  /// One look-up. Several go through one `dynamicSymbols()`.
  public func dynamicSymbol(named name: String, version: String? = nil) throws(ObjectFileError) -> ELFSymbol? {
    try dynamicSymbols()?.symbol(named: name, version: version)
  }

  func symbolHash() throws(ObjectFileError) -> ELFSymbolHash? {
    guard let dynamic = try dynamic() else { return nil }
    if let gnu = dynamic.first(.gnuHash) { return .gnu(try GNUHash(bytes(from: gnu.address))) }
    if let systemV = dynamic.first(.hash) { return .systemV(try SystemVHash(bytes(from: systemV.address))) }
    return nil
  }

  /// The table a loader uses: it has no size of its own, so the hash table tells how many symbols there are.
  func dynamicSymbolTableWithoutSections() throws(ObjectFileError) -> ELFSymbolTable? {
    guard sections.isEmpty, let dynamic = try dynamic(), let start = dynamic.first(.symbols),
      let count = try symbolHash()?.symbolCount()
    else { return nil }
    let table = try bytes(at: start.address, count: UInt64(count) * UInt64(ELFSymbolTable.entryByteCount))
    return try ELFSymbolTable(table, strings: dynamic.strings, extendedIndexes: nil, section: nil, in: self)
  }
}
