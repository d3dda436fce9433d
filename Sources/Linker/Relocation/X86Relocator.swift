import Addressing
import Journal

/// Relocates the atoms of x86-64 object files: pure functions over bytes.
///
/// Offsets and addends come from a file and are hostile; every read and write is checked.
enum X86Relocator {
  /// What each relocation asks for, in the order given.
  ///
  /// - Parameter isCode: whether the atom holds instructions, so that the byte before a PC32 field may be an opcode.
  static func needs(of relocations: [AtomRelocation], bytes: [UInt8], isCode: Bool = true) -> [FixupNeed] {
    RelocationPlan(relocations: relocations, bytes: bytes, isCode: isCode).needs
  }

  /// The atom as it must stand at `place`.
  ///
  /// `resolve` is called once for every relocation with a need other than `.nothing` and `.refused`.
  /// - Parameter symbolName: for messages.
  static func relocate(
    bytes: [UInt8], relocations: [AtomRelocation], at place: VirtualAddress, isPositionIndependent: Bool,
    isCode: Bool = true, symbolName: (Int) -> String? = { _ in nil },
    resolve: (AtomRelocation, FixupNeed) throws(LinkError) -> FixupValue
  ) throws(LinkError) -> RelocatedAtom {
    let plan = RelocationPlan(relocations: relocations, bytes: bytes, isCode: isCode)
    var pass = RelocationPass(bytes: bytes, place: place, isPositionIndependent: isPositionIndependent)
    do throws(LinkError) {
      for (index, relocation) in relocations.enumerated() {
        let need = plan.needs[index]
        switch need {
        case .nothing: pass.settle(relocation)
        case .refused(let refusal): throw pass.refuse(relocation, refusal)
        default:
          let value = try resolve(relocation, need)
          if let sequence = plan.sequences[index] {
            try pass.write(sequence, relocation, value)
          } else {
            try pass.write(relocation, value)
          }
        }
        pass.current = index + 1
      }
      return try pass.finished()
    } catch {
      throw naming(error, relocations: relocations, at: pass.current, symbolName: symbolName)
    }
  }

  private static func naming(
    _ error: LinkError, relocations: [AtomRelocation], at index: Int, symbolName: (Int) -> String?
  ) -> LinkError {
    guard error.symbol == nil, relocations.indices.contains(index) else { return error }
    var named = error
    named.symbol = symbolName(relocations[index].symbol)
    return named
  }
}
