import ObjectFile

/// How long the constants of a Mach-O image are, as the objects tell that it was linked from: in the image what has no name
/// follows some of them, and would be taken for a part.
struct MachOConstantSizes {
  /// What several objects tell differently is not known.
  private struct Size {
    var byteCount: UInt64
    var isCertain = true
  }

  private var globals: [String: Size] = [:]
  /// By the name of the unit, then of the symbol.
  private var locals: [String: [String: Size]] = [:]

  /// - Parameter objects: with their paths; or none.
  init(_ objects: [(path: String, file: MachOFile)]) throws(ObjectFileError) {
    for (path, file) in objects {
      guard let table = try file.symbolTable() else { continue }
      let unit = MachOUnits.name(ofObjectAt: path)
      let atoms = try file.atoms()
      for symbol in table where symbol.isDefined && !symbol.isDebugging {
        guard let ordinal = symbol.sectionOrdinal, let range = atoms.range(of: symbol, in: file),
          case let section = try file.section(ordinal: ordinal), section.holdsConstants,
          !section.attributes.hasInstructions
        else { continue }
        let name = try table.name(of: symbol)
        if symbol.isExternal || symbol.isPrivateExternal {
          Self.add(range.byteCount, name, to: &globals)
        } else {
          Self.add(range.byteCount, name, to: &locals[unit, default: [:]])
        }
      }
    }
  }

  private static func add(_ byteCount: UInt64, _ name: String, to sizes: inout [String: Size]) {
    guard let known = sizes[name] else {
      sizes[name] = Size(byteCount: byteCount)
      return
    }
    sizes[name]?.isCertain = known.isCertain && known.byteCount == byteCount
  }

  /// - Parameter unit: of a local symbol.
  func byteCount(of name: String, isLocal: Bool, unit: String?) -> UInt64? {
    let size = isLocal ? unit.flatMap { locals[$0]?[name] } : globals[name]
    return size.flatMap { $0.isCertain ? $0.byteCount : nil }
  }
}
