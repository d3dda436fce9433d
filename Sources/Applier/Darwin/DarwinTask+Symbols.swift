public import Addressing
public import Journal

extension DarwinTask {
  public func address(of symbol: ImportedSymbol) throws(ApplyError) -> RuntimeAddress {
    try requireAttached()
    throw ApplyError(.importNotFound, target: name, symbol: symbol.name)
  }
}
