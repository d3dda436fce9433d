import Addressing

/// Tells whether an object's atom is what stands at a place of a linked image.
enum X86Placed {
  /// Nil when a byte differs that no relocation explains. Sequences that a linker may have rewritten are recognised.
  static func match(
    object: [UInt8], relocations: [AtomRelocation], placed: [UInt8], at place: VirtualAddress, isCode: Bool = true
  ) -> PlacedMatch? {
    guard object.count == placed.count else { return nil }
    var matcher = PlacedMatcher(object: object, relocations: relocations, placed: placed, place: place)
    let plan = X86RelocationPlan(relocations: relocations, bytes: object, isCode: isCode)
    // Sequences first: only the form found tells whether the relocation of its call is still one.
    for (index, sequence) in plan.sequences {
      guard matcher.read(sequence, index: index, call: plan.calls[index]) else { return nil }
    }
    for index in relocations.indices where plan.sequences[index] == nil { matcher.read(index) }
    return matcher.match()
  }
}

private struct PlacedMatcher {
  /// The object's bytes with everything that relocations explain replaced by what is placed.
  private var expected: [UInt8]
  private var references: [PlacedReference?]
  /// Where the linker kept offsets within the block: the distance from the block's start to the thread pointer.
  private var blockDistance: Int64?
  private let relocations: [AtomRelocation]
  private let placed: [UInt8]
  private let place: VirtualAddress

  init(object: [UInt8], relocations: [AtomRelocation], placed: [UInt8], place: VirtualAddress) {
    expected = object
    references = Array(repeating: nil, count: relocations.count)
    self.relocations = relocations
    self.placed = placed
    self.place = place
  }

  func match() -> PlacedMatch? {
    guard expected == placed else { return nil }
    return PlacedMatch(references: references.map { $0 ?? .opaque })
  }

  /// False where the placed bytes are none of the sequence's forms.
  mutating func read(_ sequence: InstructionSequence, index: Int, call: Int?) -> Bool {
    guard let form = sequence.forms.first(where: { $0.stands(in: placed, at: sequence.start) }) else { return false }
    absorb(sequence.start, form.byteCount)
    if form.consumesCall, let call { references[call] = .consumed }
    references[index] = reference(form, sequence.start + form.head.count, relocations[index])
    return true
  }

  private mutating func reference(
    _ form: InstructionForm, _ field: Int, _ relocation: AtomRelocation
  ) -> PlacedReference {
    let value = placed.signed32(at: field) ?? 0
    // All fields here end their instruction; a compiler's addend says how far beyond the symbol it points, less 4.
    let displacement = relocation.addend &+ 4
    let target = place.displaced(by: Int64(field) &+ 4 &+ value &- displacement)
    let isThreadLocal =
      switch X86Relocation(rawValue: relocation.type) {
      case .gotTPOff, .tlsGD, .tlsLD, .gotPC32TLSDesc: true
      default: false
      }
    switch form.field {
    case .none: return .consumed
    case .address: return .address(target)
    case .cell: return isThreadLocal ? .threadCell(target) : .cell(target)
    case .immediate: return .address(VirtualAddress(UInt64(bitPattern: value &- displacement)))
    case .threadOffset: return .threadOffset(value &- displacement)
    case .descriptor: return .threadDescriptor(target)
    case .blockDistance:
      blockDistance = value
      return .consumed
    }
  }

  /// Reads a field that has but one form.
  mutating func read(_ index: Int) {
    guard references[index] == nil else { return }
    let relocation = relocations[index]
    guard let type = X86Relocation(rawValue: relocation.type),
      placed.holdsField(at: relocation.offset, count: type.fieldByteCount)
    else { return }
    if type == .tlsDescCall {
      if placed.stands([0x66, 0x90], at: relocation.offset) { absorb(relocation.offset, 2) }
    } else {
      absorb(relocation.offset, type.fieldByteCount)
    }
    references[index] = reference(relocation, type)
  }

  private func reference(_ relocation: AtomRelocation, _ type: X86Relocation) -> PlacedReference {
    let offset = relocation.offset
    let addend = relocation.addend
    let unsigned = UInt64(placed.littleEndian32(at: offset) ?? 0)
    let signed = placed.signed32(at: offset) ?? 0
    let word = placed.littleEndian64(at: offset) ?? 0
    let here = place.displaced(by: Int64(offset))
    switch type {
    case .none, .vtInherit, .vtEntry, .tlsDescCall: return .consumed
    case .direct64: return .absolute(word)
    case .direct32: return .address(VirtualAddress(unsigned).displaced(by: 0 &- addend))
    case .direct32S: return .address(VirtualAddress(UInt64(bitPattern: signed &- addend)))
    case .pc32, .plt32: return .address(here.displaced(by: signed &- addend))
    case .pc64: return .address(here.displaced(by: Int64(bitPattern: word) &- addend))
    case .gotPCRel, .gotPCRelX, .rexGotPCRelX: return .cell(here.displaced(by: signed &- addend))
    case .gotTPOff: return .threadCell(here.displaced(by: signed &- addend))
    case .tlsGD, .tlsLD, .gotPC32TLSDesc: return .threadDescriptor(here.displaced(by: signed &- addend))
    case .tpOff32: return .threadOffset(signed &- addend)
    case .tpOff64: return .threadOffset(Int64(bitPattern: word) &- addend)
    case .dtpOff32: return blockOffset(signed &- addend)
    case .dtpOff64: return blockOffset(Int64(bitPattern: word) &- addend)
    case .size32: return .absolute(unsigned &- UInt64(bitPattern: addend))
    case .size64: return .absolute(word &- UInt64(bitPattern: addend))
    default: return .opaque
    }
  }

  /// Linkers write either offset here; those from the thread pointer are negative (the block ends at it).
  private func blockOffset(_ value: Int64) -> PlacedReference {
    if let blockDistance { return .threadOffset(value &- blockDistance) }
    return value < 0 ? .threadOffset(value) : .moduleOffset(value)
  }

  private mutating func absorb(_ offset: Int, _ count: Int) {
    guard placed.holdsField(at: offset, count: count) else { return }
    for index in offset..<offset + count { expected[index] = placed[index] }
  }
}
