import Addressing
import Journal
import ObjectFile

/// What an image's debug information tells of types.
struct ImageTypes {
  let layouts: [TypeLayout]
  let producers: [String]
  let isKnown: Bool
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
    layouts = facts.map(UnitTypes.layouts(of:)) ?? []
    producers = facts?.units.compactMap(\.producer) ?? []
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

  /// - Parameter value: a symbol's value in the image.
  func digest(at value: UInt64, isThreadLocal: Bool) -> String? {
    isThreadLocal ? threadLocals[value] : digests[value]
  }
}
