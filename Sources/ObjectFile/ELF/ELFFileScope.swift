/// The local symbols of one source file in a linked image: those between its STT_FILE symbol and the next.
public struct ELFFileScope: Sendable {
  /// Empty for symbols of no file, which linkers put after a STT_FILE symbol without a name.
  public let name: ByteView
  public let symbols: Range<Int>
}

extension ELFSymbolTable {
  /// The source files in the table's order. Local symbols before the first belong to none.
  public func fileScopes() throws(ObjectFileError) -> [ELFFileScope] {
    var result: [ELFFileScope] = []
    var open: ELFSymbol?
    func close(at end: Int) throws(ObjectFileError) {
      guard let file = open else { return }
      result.append(ELFFileScope(name: try nameBytes(of: file), symbols: file.index + 1..<end))
    }
    for index in indices {
      let (isFile, isLocal) = fileAndLocal(index)
      if isFile || !isLocal {
        try close(at: index)
        open = isFile ? self[index] : nil
      }
    }
    try close(at: count)
    return result
  }
}
