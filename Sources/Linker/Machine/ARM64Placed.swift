import Addressing

/// Tells whether an object's atom is what stands at a place of a linked image, for arm64.
///
/// An address is spread over several instructions there: each tells some of its bits, and those that name the same
/// symbol with the same addend tell the whole of it together.
enum ARM64Placed {
  static func match(
    object: [UInt8], relocations: [AtomRelocation], placed: [UInt8], at place: VirtualAddress
  ) -> PlacedMatch? {
    guard object.count == placed.count else { return nil }
    var expected = object
    var readings: [ARM64Reading?] = []
    var known: [Int: PlacedReference] = [:]
    for call in ARM64ThreadCall.all(in: object, relocations) {
      guard let reference = call.read(placed, at: place) else { return nil }
      known[call.page] = reference
      known[call.offset] = .consumed
      if case .threadDescriptor = reference { continue }
      known[call.call] = .consumed
      expected.put(Array(placed[call.start..<call.start + ARM64ThreadCall.byteCount]), at: call.start)
    }
    for (index, relocation) in relocations.enumerated() {
      if let reference = known[index] {
        readings.append(ARM64Reading(reference))
        expected.put(Array(placed[relocation.offset..<relocation.offset + 4]), at: relocation.offset)
        continue
      }
      guard let type = ARM64Relocation(rawValue: relocation.type) else {
        readings.append(nil)
        continue
      }
      let offset = relocation.offset
      let count = type.fieldByteCount
      guard object.holdsField(at: offset, count: count) else { return nil }
      guard
        let reading = ARM64Reading(
          type, object: object, placed: placed, at: offset, place: place.displaced(by: Int64(offset)))
      else { return nil }
      expected.put(Array(placed[offset..<offset + count]), at: offset)
      readings.append(reading)
    }
    var hints = ARM64OptimizationHints(object: object, placed: placed, place: place, relocations: relocations)
    guard hints.read(into: &expected, &readings), expected == placed else { return nil }
    return ARM64References(relocations: relocations, readings: readings, pages: hints.pages).match()
  }
}

/// What one relocated field tells of what it leads to.
struct ARM64Reading: Hashable {
  enum Target: Hashable {
    case address
    case cell
    case threadOffset
    case threadCell
    case descriptor
  }

  /// Nil for an instruction that a linker has made a nop: its partner tells all.
  var target: Target?
  /// The bits that are known.
  var mask: UInt64
  var bits: UInt64
  /// An answer by itself.
  var reference: PlacedReference?

  init(_ reference: PlacedReference) {
    (mask, bits) = (0, 0)
    self.reference = reference
  }

  /// Nil where the instruction placed is not what a linker makes of the object's.
  init?(
    _ type: ARM64Relocation, object: [UInt8], placed: [UInt8], at offset: Int, place: VirtualAddress
  ) {
    target = type.target
    mask = 0
    bits = 0
    switch type.field {
    case .marker:
      guard type == .tlsDescCall, let instruction = ARM64Instruction(placed, at: offset) else {
        reference = .consumed
        return
      }
      guard instruction == .nop || instruction == ARM64Instruction(object, at: offset) else { return nil }
      reference = .consumed
    case .refused: reference = .opaque
    case .word64: reference = .absolute(placed.littleEndian64(at: offset) ?? 0)
    case .word32: (mask, bits) = (.max, UInt64(placed.littleEndian32(at: offset) ?? 0))
    case .distance64:
      (mask, bits) = (.max, place.rawValue &+ (placed.littleEndian64(at: offset) ?? 0))
    case .distance32:
      (mask, bits) = (.max, place.displaced(by: placed.signed32(at: offset) ?? 0).rawValue)
    default:
      guard let compiled = ARM64Instruction(object, at: offset), let linked = ARM64Instruction(placed, at: offset),
        read(type, compiled, linked, place)
      else { return nil }
    }
  }

  @discardableResult
  mutating func tell(_ mask: UInt64, _ bits: UInt64, of target: Target? = nil) -> Bool {
    self.mask = mask
    self.bits = bits & mask
    if let target { self.target = target }
    return true
  }

  private mutating func read(
    _ type: ARM64Relocation, _ compiled: ARM64Instruction, _ linked: ARM64Instruction, _ place: VirtualAddress
  ) -> Bool {
    /// Whether only the field differs.
    func differs(only mask: UInt32) -> Bool { (compiled.word ^ linked.word) & ~mask == 0 }
    func target(_ distance: Int64) -> UInt64 { place.displaced(by: distance).rawValue }
    switch type.field {
    case .branch26:
      // A branch to a weak symbol that nothing defines.
      if linked == .nop {
        reference = .absolute(0)
        return true
      }
      return differs(only: 0x3ff_ffff) && tell(.max, target(linked.distance26))
    case .word19: return differs(only: 0xff_ffe0) && tell(.max, target(linked.distance19))
    case .word14: return differs(only: 0x7_ffe0) && tell(.max, target(linked.distance14))
    case .byte21: return differs(only: 0x60ff_ffe0) && tell(.max, target(linked.distance21))
    case .page21: return readPage(type, compiled, linked, place)
    case .offset12: return readOffset(type, compiled, linked, place)
    case .offset15: return differs(only: 0x3f_fc00) && tell(0x7fff, linked.offset12)
    case .offset24: return differs(only: 0x3f_fc00) && tell(0xfff << 12, UInt64(linked.word >> 10 & 0xfff) << 12)
    case .move16(let group):
      let shift = 16 * UInt64(group)
      // A signed number may have become a movn.
      return differs(only: 0x1f_ffe0) && tell(0xffff << shift, linked.immediate16 << shift)
    case .marker, .word64, .word32, .distance64, .distance32, .refused: return false
    }
  }

  private mutating func readPage(
    _ type: ARM64Relocation, _ compiled: ARM64Instruction, _ linked: ARM64Instruction, _ place: VirtualAddress
  ) -> Bool {
    if linked.isPageAddress, linked.destination == compiled.destination || type.meaning == .threadDescriptor {
      // A descriptor's sequence may have become a load of the offset from a cell; the load tells.
      return tell(~0xfff, ARM64Machine.page(linked, at: place).rawValue)
    }
    // Relaxed to a nop and an adr, or the other way round (lld, AArch64Relaxer; Mach-O's linker optimization hints).
    if linked == .nop {
      self.target = nil
      return true
    }
    if linked.isAddress, linked.destination == compiled.destination {
      return tell(.max, place.displaced(by: linked.distance21).rawValue)
    }
    if type.meaning == .gotCell, linked == .moveZero(compiled.destination, group: 0) {
      reference = .absolute(0)
      return true
    }
    return linked.isMoveHigh && tell(0xffff << 16, linked.immediate16 << 16, of: .threadOffset)
      && !type.meaning.takesAddress
  }

  private mutating func readOffset(
    _ type: ARM64Relocation, _ compiled: ARM64Instruction, _ linked: ARM64Instruction, _ place: VirtualAddress
  ) -> Bool {
    if (compiled.word ^ linked.word) & ~0x3f_fc00 == 0 { return tell(0xfff, linked.offset12) }
    switch type.meaning {
    case .address:
      if linked.isAddress, compiled.isAdd, linked.destination == compiled.destination {
        return tell(.max, place.displaced(by: linked.distance21).rawValue)
      }
      if linked.isLiteralForm(of: compiled) {
        return tell(.max, place.displaced(by: linked.distance19).rawValue)
      }
      if linked == .nop, compiled.isAdd {
        self.target = nil
        return true
      }
      return false
    case .gotCell:
      guard compiled.isLoad64 else { return false }
      if linked == .moveZero(compiled.destination, group: 0) {
        reference = .absolute(0)
        return true
      }
      if linked.isAdd, linked.destination == compiled.destination, linked.source == compiled.source {
        return tell(0xfff, linked.offset12, of: .address)
      }
      if linked.isAddress, linked.destination == compiled.destination {
        return tell(.max, place.displaced(by: linked.distance21).rawValue, of: .address)
      }
      if linked.isLiteralForm(of: compiled) {
        return tell(.max, place.displaced(by: linked.distance19).rawValue)
      }
      if linked == .nop {
        self.target = nil
        return true
      }
      return false
    case .initialExec:
      return linked.isMoveLow && linked.destination == compiled.destination
        && tell(0xffff, linked.immediate16, of: .threadOffset)
    case .threadDescriptor:
      if linked.isMoveLow { return tell(0xffff, linked.immediate16, of: .threadOffset) }
      if linked == .nop {
        reference = .consumed
        return true
      }
      // ldr x0, [x0, cell]: the descriptor's call has become a load of the offset.
      return linked.isLoad64 && tell(0xfff, linked.offset12, of: .threadCell)
    case .offsetTable, .generalDynamic, .threadOffset: return false
    }
  }
}

extension ARM64Relocation {
  fileprivate var target: ARM64Reading.Target {
    switch meaning {
    case .address: .address
    case .gotCell, .offsetTable: .cell
    case .threadOffset: .threadOffset
    case .initialExec: .threadCell
    case .threadDescriptor, .generalDynamic: .descriptor
    }
  }
}

/// Puts together what the relocations of one symbol tell.
private struct ARM64References {
  let relocations: [AtomRelocation]
  let readings: [ARM64Reading?]
  /// By the index of a page's relocation: what another instruction tells, where nothing else does.
  let pages: [Int: UInt64]

  private struct Key: Hashable {
    let symbol: Int
    let meaning: ARM64Relocation.Meaning?
  }

  private struct Sum {
    var target: ARM64Reading.Target?
    var mask: UInt64 = 0
    var bits: UInt64 = 0

    /// All bits of an address, or as many as an offset from the thread pointer has.
    var isWhole: Bool { target == .threadOffset ? mask & 0xfff != 0 : mask | 0xffff_0000_0000_0000 == .max }

    /// False where two instructions tell different things.
    mutating func add(_ reading: ARM64Reading) -> Bool {
      guard let target = reading.target else { return true }
      // The page of a relaxed cell's load is that of the address, and the `ldr` or `add` tells which.
      if self.target == nil || reading.mask & 0xfff != 0 { self.target = target }
      let both = mask & reading.mask
      guard bits & both == reading.bits & both else { return false }
      mask |= reading.mask
      bits |= reading.bits
      return true
    }
  }

  /// Nil where what the instructions tell contradicts itself.
  func match() -> PlacedMatch? {
    var sums: [Key: [Int64: Sum]] = [:]
    for (index, relocation) in relocations.enumerated() {
      guard let reading = readings[index], reading.reference == nil else { continue }
      guard sums[key(relocation), default: [:]][relocation.addend, default: Sum()].add(reading) else { return nil }
    }
    for (index, page) in pages {
      let relocation = relocations[index]
      guard var sum = sums[key(relocation)]?[relocation.addend], !sum.isWhole else { continue }
      sum.mask |= ~0xfff
      sum.bits |= page
      sums[key(relocation)]?[relocation.addend] = sum
    }
    let table = offsetTable()
    return PlacedMatch(
      references: relocations.indices.map { index in
        guard let reading = readings[index] else { return .opaque }
        if let reference = reading.reference { return reference }
        switch ARM64Relocation(rawValue: relocations[index].type) {
        case .offsetTablePage: return .consumed
        case .ld64GotPageLo15: return table.map { .cell(VirtualAddress($0 &+ reading.bits)) } ?? .opaque
        default: break
        }
        return reference(relocations[index], among: sums[key(relocations[index])] ?? [:])
      })
  }

  /// The page that the atom's offsets of cells count from.
  private func offsetTable() -> UInt64? {
    let page = relocations.firstIndex { ARM64Relocation(rawValue: $0.type) == .offsetTablePage }
    return page.flatMap { readings[$0]?.bits }
  }

  private func key(_ relocation: AtomRelocation) -> Key {
    Key(symbol: relocation.symbol, meaning: ARM64Relocation(rawValue: relocation.type)?.meaning)
  }

  private func reference(_ relocation: AtomRelocation, among sums: [Int64: Sum]) -> PlacedReference {
    let addend = relocation.addend
    guard let own = sums[addend] else { return .opaque }
    if own.isWhole { return Self.reference(own, addend) }
    // An address whose low part is added by an instruction with another addend, within the same alignment.
    if let (other, sum) = sums.sorted(by: { $0.key < $1.key }).first(where: { $0.value.isWhole }) {
      return Self.reference(sum, other)
    }
    for (other, sum) in sums.sorted(by: { $0.key < $1.key }) where other != addend {
      let joined = Sum(target: own.target ?? sum.target, mask: own.mask | sum.mask, bits: own.bits | sum.bits)
      guard own.mask & sum.mask == 0, joined.isWhole else { continue }
      return Self.reference(joined, own.mask & 0xfff != 0 ? addend : other)
    }
    return .opaque
  }

  private static func reference(_ sum: Sum, _ addend: Int64) -> PlacedReference {
    let address = VirtualAddress(sum.bits)
    switch sum.target {
    case .address: return .address(address.displaced(by: 0 &- addend))
    case .cell: return .cell(address)
    case .threadOffset: return .threadOffset(Int64(bitPattern: sum.bits) &- addend)
    case .threadCell: return .threadCell(address)
    case .descriptor: return .threadDescriptor(address)
    case nil: return .consumed
    }
  }
}
