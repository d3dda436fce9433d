import Journal
import ObjectFile

/// Tells which compilation unit defines a global symbol of an image, where the objects given or debug information do.
struct GlobalUnits {
  /// By a symbol's name: from the objects that the image was linked from.
  private let byName: [String: String]
  /// By a symbol's value: the last part of the file's name that debug information gives.
  private let byAddress: [UInt64: String]

  /// - Parameter objects: those that the image was linked from, or none.
  init(objects: [ELFFile], types: ImageTypes) throws(ObjectFileError) {
    byAddress = types.definers
    var byName: [String: String] = [:]
    var several: Set<String> = []
    for object in objects {
      let symbols = try ObjectSymbols(object)
      for name in symbols.strongDefinitions where byName.updateValue(symbols.unit, forKey: name) != nil {
        several.insert(name)
      }
    }
    self.byName = byName.filter { !several.contains($0.key) && !$0.value.isEmpty }
  }

  /// Fills units in. A unit's name must be one unit's only, on both sides.
  ///
  /// - Parameter counts: how many units of each name the image has.
  func assign(to symbols: inout [BaseSymbol], _ counts: [String: UInt32]) {
    let unique = Set(counts.filter { $0.value == 1 }.keys)
    let byFile = Dictionary(grouping: counts.keys, by: Self.file).filter { $0.value.count == 1 }
    for index in symbols.indices where symbols[index].binding == .global && symbols[index].unit == nil {
      let symbol = symbols[index]
      let told = byName[symbol.name] ?? byAddress[symbol.address.rawValue].flatMap { byFile[$0]?.first }
      guard let unit = told, unique.contains(unit) else { continue }
      symbols[index].unit = unit
    }
  }

  /// The last part of a path.
  static func file(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }
}
