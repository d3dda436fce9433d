import Addressing
import Journal

/// Relocates the atoms of object files: pure functions over bytes.
///
/// Offsets and addends come from a file and are hostile; every read and write is checked.
struct Relocator {
  let machine: any Machine
  let isPositionIndependent: Bool

  /// The atom as it must stand at `place`.
  ///
  /// `resolve` is called once for every relocation with a need other than `.nothing` and `.refused`.
  /// - Parameter symbolName: for messages.
  func relocate(
    bytes: [UInt8], relocations: [AtomRelocation], at place: VirtualAddress, isCode: Bool = true,
    symbolName: (Int) -> String? = { _ in nil },
    resolve: (AtomRelocation, FixupNeed) throws(LinkError) -> FixupValue
  ) throws(LinkError) -> RelocatedAtom {
    let plan = machine.plan(relocations, bytes: bytes, isCode: isCode)
    var pass = RelocationPass(
      bytes: bytes, place: place, isPositionIndependent: isPositionIndependent, machine: machine)
    do throws(LinkError) {
      for (index, relocation) in relocations.enumerated() {
        let need = plan.needs[index]
        switch need {
        case .nothing: plan.settle(relocation, into: &pass)
        case .refused(let refusal): throw pass.refuse(relocation, refusal)
        default:
          try plan.write(index, relocation, try resolve(relocation, need), into: &pass)
        }
        pass.current = index + 1
      }
      return try pass.finished()
    } catch {
      throw Self.naming(error, relocations: relocations, at: pass.current, symbolName: symbolName)
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
