import Addressing

/// What a linker makes of a compiler's optimization hints (LC_LINKER_OPTIMIZATION_HINT of Mach-O) beyond the instructions
/// that relocations mark.
///
/// The hint `AdrpAddLdr` names `adrp x, page; add x, x, offset; ldr y, [x, n]`: where the place is near, the first two
/// become nops and the third loads from it directly, or takes the offset itself. `AdrpLdrGotLdr` is the same behind a cell
/// that is not needed. Of `AdrpAdrp`, two `adrp` of one page in one register, the second becomes a nop (lld,
/// MachO/Arch/ARM64.cpp, applyOptimizationHints).
struct ARM64OptimizationHints {
  private let object: [UInt8]
  private let placed: [UInt8]
  private let place: VirtualAddress
  private let relocations: [AtomRelocation]
  /// By the index of a page's relocation whose `adrp` is a nop: the page of the `adrp` before it.
  private(set) var pages: [Int: UInt64] = [:]

  init(object: [UInt8], placed: [UInt8], place: VirtualAddress, relocations: [AtomRelocation]) {
    self.object = object
    self.placed = placed
    self.place = place
    self.relocations = relocations
  }

  /// - Parameters:
  ///   - expected: the object's bytes with what relocations explain taken from the image; what hints explain is added.
  ///   - readings: of each relocation; what the third instruction tells is added to its partners'.
  /// - Returns: false where an instruction differs that no hint explains.
  mutating func read(into expected: inout [UInt8], _ readings: inout [ARM64Reading?]) -> Bool {
    for (index, relocation) in relocations.enumerated() where isRemovedPage(relocation) {
      pages[index] = page(before: relocation.offset)
    }
    for (index, relocation) in relocations.enumerated() where isAddressWithoutCell(relocation, after: index) {
      readings[index]?.target = .address
    }
    guard expected != placed else { return true }
    for offset in stride(from: 0, to: object.count & ~3, by: 4)
    where expected[offset..<offset + 4] != placed[offset..<offset + 4] {
      guard explain(offset, &readings) else { return false }
      expected.put(Array(placed[offset..<offset + 4]), at: offset)
    }
    return true
  }

  private func isRemovedPage(_ relocation: AtomRelocation) -> Bool {
    ARM64Relocation(rawValue: relocation.type)?.field == .page21
      && ARM64Instruction(placed, at: relocation.offset) == .nop
  }

  /// `adr` in the place of an `adrp`, and a nop in that of the load from the cell: the address itself.
  private func isAddressWithoutCell(_ relocation: AtomRelocation, after index: Int) -> Bool {
    guard ARM64Relocation(rawValue: relocation.type) == .adrGotPage,
      ARM64Instruction(placed, at: relocation.offset)?.isAddress == true
    else { return false }
    let load = relocations[index...].first {
      $0.symbol == relocation.symbol && ARM64Relocation(rawValue: $0.type) == .ld64GotLo12NC
    }
    return load.map { ARM64Instruction(placed, at: $0.offset) == .nop } ?? false
  }

  private func page(before offset: Int) -> UInt64? {
    guard let register = ARM64Instruction(object, at: offset)?.destination else { return nil }
    for earlier in stride(from: offset - 4, through: 0, by: -4) {
      guard let instruction = ARM64Instruction(placed, at: earlier), instruction.isPageAddress,
        instruction.destination == register
      else { continue }
      return ARM64Machine.page(instruction, at: place.displaced(by: Int64(earlier))).rawValue
    }
    return nil
  }

  /// Whether the instruction is the third of a hint whose second became a nop.
  private func explain(_ offset: Int, _ readings: inout [ARM64Reading?]) -> Bool {
    guard let compiled = ARM64Instruction(object, at: offset), let linked = ARM64Instruction(placed, at: offset),
      compiled.isAccess, let partner = partner(of: compiled, before: offset)
    else { return false }
    if linked.isLiteralForm(of: compiled) {
      let target = place.displaced(by: Int64(offset)).displaced(by: linked.distance19)
      readings[partner]?.tell(.max, target.rawValue &- compiled.offset12, of: .address)
      return true
    }
    guard (compiled.word ^ linked.word) & ~0x3f_fc00 == 0, linked.offset12 >= compiled.offset12 else { return false }
    readings[partner]?.tell(0xfff, linked.offset12 - compiled.offset12, of: .address)
    return true
  }

  /// The nearest relocated instruction before that made the register which the third one reads.
  private func partner(of access: ARM64Instruction, before offset: Int) -> Int? {
    relocations.indices.reversed().first { index in
      let relocation = relocations[index]
      guard relocation.offset < offset, ARM64Relocation(rawValue: relocation.type)?.field == .offset12,
        let second = ARM64Instruction(object, at: relocation.offset)
      else { return false }
      return second.destination == access.source && second.source == access.source
        && ARM64Instruction(placed, at: relocation.offset) == .nop
    }
  }
}
