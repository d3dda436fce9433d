import Journal
import ObjectFile

/// What an object's debug information tells of types: prototypes, variables' types, layouts.
struct ObjectTypes {
  /// False where the object has no debug information: only sizes can be compared then.
  let isKnown: Bool
  let layouts: [UnitTypes.Layout]
  /// `DW_AT_producer` of each unit: the compiler and, from GCC, its options.
  let producers: [String]
  private var digests: [Place: String] = [:]
  private var functions: [Place: String] = [:]

  private struct Place: Hashable {
    let section: Int
    let offset: UInt64
  }

  /// - Parameter facts: what its debug information tells; nil where it has none.
  init(_ facts: DWARFFacts?) {
    isKnown = facts != nil
    layouts = facts?.types.map { UnitTypes.Layout($0, in: facts?.units ?? []) } ?? []
    producers = facts?.units.compactMap(\.producer) ?? []
    for function in facts?.functions ?? [] {
      guard case .section(let section, let offset)? = function.location else { continue }
      digests[Place(section: section, offset: offset)] = TypeDigest.of(function.prototype)
    }
    for variable in facts?.variables ?? [] {
      guard case .section(let section, let offset) = variable.location else { continue }
      let place = Place(section: section, offset: offset)
      digests[place] = TypeDigest.of(variable.type)
      functions[place] = variable.enclosingFunction
    }
  }

  /// Of a function's prototype or a variable's type.
  func digest(of symbol: PieceSymbol, in piece: ObjectPiece) -> String? {
    digests[Place(section: piece.section, offset: piece.start + symbol.offset)]
  }

  /// The function that declares a static local.
  func enclosingFunction(of symbol: PieceSymbol, in piece: ObjectPiece) -> String? {
    functions[Place(section: piece.section, offset: piece.start + symbol.offset)]
  }
}

/// Names a type in few bytes: two types are the same if and only if their texts are, and so (but for one chance in
/// 2^64) their digests.
enum TypeDigest {
  static func of(_ text: String) -> String {
    String(Digest.sha256(of: Array(text.utf8)).description.prefix(16))
  }
}
