public import Addressing
public import Journal

extension LinuxTask {
  public func address(of symbol: ImportedSymbol) throws(ApplyError) -> RuntimeAddress {
    try requireAttached()
    try attend()
    let label = symbol.name + (symbol.version.map { "@" + $0 } ?? "")
    guard let dynamicSection = image.dynamicSection else {
      throw ApplyError(.importNotFound, target: name, symbol: label, detail: "the program is linked statically")
    }
    let map = try LinkMap(process, dynamicSection: dynamicSection, slide: slide)
    guard let found = try map.definition(symbol.name, version: symbol.version, library: symbol.library) else {
      throw ApplyError(.importNotFound, target: name, symbol: label, detail: symbol.library.map { "expected in \($0)" })
    }
    var address = found.symbol.isAbsolute ? found.symbol.value : found.symbol.value &+ found.entry.module.base
    switch found.symbol.kind {
    case .threadLocal: throw ApplyError(.importIsThreadLocal, target: name, symbol: label, detail: found.entry.path)
    case .indirectFunction: address = try callFunction(at: RuntimeAddress(rawValue: address))
    case .ordinary: break
    }
    return RuntimeAddress(rawValue: address &+ UInt64(bitPattern: symbol.addend))
  }
}
