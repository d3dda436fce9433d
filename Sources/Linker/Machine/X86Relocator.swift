import Addressing

/// Relocates the atoms of x86-64 object files.
enum X86Relocator {
  /// What each relocation asks for, in the order given.
  ///
  /// - Parameter isCode: whether the atom holds instructions, so that the byte before a PC32 field may be an opcode.
  static func needs(of relocations: [AtomRelocation], bytes: [UInt8], isCode: Bool = true) -> [FixupNeed] {
    X86RelocationPlan(relocations: relocations, bytes: bytes, isCode: isCode).needs
  }

  static func relocate(
    bytes: [UInt8], relocations: [AtomRelocation], at place: VirtualAddress, isPositionIndependent: Bool,
    isCode: Bool = true, symbolName: (Int) -> String? = { _ in nil },
    resolve: (AtomRelocation, FixupNeed) throws(LinkError) -> FixupValue
  ) throws(LinkError) -> RelocatedAtom {
    try Relocator(machine: X86Machine(), isPositionIndependent: isPositionIndependent).relocate(
      bytes: bytes, relocations: relocations, at: place, isCode: isCode, symbolName: symbolName, resolve: resolve)
  }
}
