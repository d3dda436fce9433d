import Journal
import ObjectFile

/// What the objects that a Mach-O image was linked from tell of types: the image itself has no debug information.
struct MachOTypes {
  /// Whether each of the objects has debug information.
  private(set) var isKnown = false
  private(set) var layouts: [TypeLayout] = []
  private var globals: [String: String] = [:]
  /// By the name of the unit, then of the symbol.
  private var locals: [String: [String: String]] = [:]

  private struct Place: Hashable {
    var section: Int
    var offset: UInt64
  }

  /// - Parameter objects: those that the image was linked from, with their paths; or none.
  init(_ objects: [(path: String, file: MachOFile)]) throws(ObjectFileError) {
    var known = 0
    var all: [UnitTypes.Layout] = []
    for (path, file) in objects {
      guard let facts = try DWARFFacts(file) else { continue }
      known += 1
      all += facts.types.map { UnitTypes.Layout($0, in: facts.units) }
      try add(facts, of: file, unit: MachOUnits.name(ofObjectAt: path))
    }
    isKnown = known > 0 && known == objects.count
    layouts = UnitTypes.layouts(UnitTypes.merged(all))
  }

  private mutating func add(_ facts: DWARFFacts, of file: MachOFile, unit: String) throws(ObjectFileError) {
    var digests: [Place: String] = [:]
    for function in facts.functions {
      guard case .section(let section, let offset)? = function.location else { continue }
      digests[Place(section: section, offset: offset)] = TypeDigest.of(function.prototype)
    }
    for variable in facts.variables where !variable.isThreadLocal {
      guard case .section(let section, let offset) = variable.location else { continue }
      digests[Place(section: section, offset: offset)] = TypeDigest.of(variable.type)
    }
    guard let table = try file.symbolTable() else { return }
    for symbol in table where symbol.isDefined && !symbol.isDebugging {
      guard let ordinal = symbol.sectionOrdinal else { continue }
      let section = try file.section(ordinal: ordinal)
      let place = Place(section: section.index, offset: symbol.value &- section.address.rawValue)
      guard let digest = digests[place] else { continue }
      let name = try table.name(of: symbol)
      if symbol.isExternal || symbol.isPrivateExternal {
        globals[name] = digest
      } else {
        locals[unit, default: [:]][name] = digest
      }
    }
  }

  /// - Parameter unit: of a local symbol.
  func digest(of name: String, isLocal: Bool, unit: String?) -> String? {
    isLocal ? unit.flatMap { locals[$0]?[name] } : globals[name]
  }
}
