import Journal
import ObjectFile

/// Types of one name that differ from unit to unit: a `struct state` of each file's own. The journal keeps such a
/// layout under the bare name, and once more for each unit that has it.
enum UnitTypes {
  /// A type of an object file, with the units that have it.
  struct Layout: Hashable {
    let type: TypeLayout
    var units: [String]

    init(_ facts: DWARFTypeLayout, in units: [DWARFUnitFacts]) {
      type = TypeLayout(name: facts.name, byteCount: facts.byteCount, layout: facts.layout)
      self.units = facts.units.filter(units.indices.contains).map { units[$0].name }
    }

    /// Under which names the type's own former layout may be kept, the units' own first.
    var keys: [String] { units.map { UnitTypes.key(type.name, in: $0) } }
  }

  static func key(_ name: String, in unit: String) -> String { "\(name) in \(unit)" }

  /// Each type once, with the units of all that are the same, in the order in which they come first.
  static func merged(_ layouts: [Layout]) -> [Layout] {
    var result: [Layout] = []
    var indexes: [TypeLayout: Int] = [:]
    for layout in layouts {
      if let index = indexes[layout.type] {
        result[index].units += layout.units
      } else {
        indexes[layout.type] = result.count
        result.append(layout)
      }
    }
    return result
  }

  /// What an image's layouts are kept as.
  static func layouts(_ all: [Layout]) -> [TypeLayout] {
    let counts = Dictionary(grouping: all, by: \.type.name).mapValues { Set($0.map(\.type.layout)).count }
    return all.map(\.type)
      + all.filter { counts[$0.type.name, default: 0] > 1 }.flatMap { layout in
        layout.keys.map { TypeLayout(name: $0, byteCount: layout.type.byteCount, layout: layout.type.layout) }
      }
  }
}
