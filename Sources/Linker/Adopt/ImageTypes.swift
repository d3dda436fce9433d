import Addressing
import Journal
import ObjectFile

/// What an image's debug information tells of types.
struct ImageTypes {
  let layouts: [TypeLayout]
  let producers: [String]
  let isKnown: Bool
  /// The last part of the name of the file that defines what stands at an address, for what other files may refer to;
  /// without files of which two have one name.
  let definers: [UInt64: String]
  private var digests: [UInt64: String] = [:]
  private var threadLocals: [UInt64: String] = [:]

  init(_ file: ELFFile) throws(LinkError) {
    let facts: DWARFFacts?
    do {
      facts = try DWARFFacts(file)
    } catch {
      throw LinkError(.objectFile, object: file.name, cause: error)
    }
    isKnown = facts != nil
    layouts = UnitTypes.layouts(facts?.types.map { UnitTypes.Layout($0, in: facts?.units ?? []) } ?? [])
    producers = facts?.units.compactMap(\.producer) ?? []
    definers = facts.map(Self.definers) ?? [:]
    for function in facts?.functions ?? [] {
      guard case .address(let address)? = function.location else { continue }
      digests[address.rawValue] = TypeDigest.of(function.prototype)
    }
    for variable in facts?.variables ?? [] {
      guard case .address(let address) = variable.location else { continue }
      if variable.isThreadLocal {
        threadLocals[address.rawValue] = TypeDigest.of(variable.type)
      } else {
        digests[address.rawValue] = TypeDigest.of(variable.type)
      }
    }
  }

  private static func definers(in facts: DWARFFacts) -> [UInt64: String] {
    let files = facts.units.map { GlobalUnits.file($0.name) }
    let counts = Dictionary(files.map { ($0, 1) }, uniquingKeysWith: +)
    let places =
      facts.functions.filter(\.isExternal).map { ($0.location, $0.unit) }
      + facts.variables.filter { $0.isExternal && !$0.isThreadLocal }.map { ($0.location, $0.unit) }
    var result: [UInt64: String] = [:]
    for (location, unit) in places {
      guard case .address(let address)? = location, files.indices.contains(unit), counts[files[unit]] == 1 else {
        continue
      }
      result[address.rawValue] = files[unit]
    }
    return result
  }

  /// - Parameter value: a symbol's value in the image.
  func digest(at value: UInt64, isThreadLocal: Bool) -> String? {
    isThreadLocal ? threadLocals[value] : digests[value]
  }
}
