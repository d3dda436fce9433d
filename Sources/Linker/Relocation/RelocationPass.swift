import Addressing
import Journal

/// One atom while its relocations are being done.
struct RelocationPass {
  /// The relocation at work, for the message of an error.
  var current = 0
  private(set) var bytes: [UInt8]
  let place: VirtualAddress
  let isPositionIndependent: Bool
  private let machine: any Machine
  private var fixups: [Fixup] = []
  private var pointers: [AtomPointer] = []
  private var imports: [AtomRelocation] = []

  init(bytes: [UInt8], place: VirtualAddress, isPositionIndependent: Bool, machine: any Machine) {
    self.machine = machine
    self.bytes = bytes
    self.place = place
    self.isPositionIndependent = isPositionIndependent
  }

  /// The atom, once every relocation is done. Fields that share bytes are refused: no order of theirs is right.
  func finished() throws(LinkError) -> RelocatedAtom {
    guard UInt32(exactly: bytes.count) != nil else {
      throw LinkError(.malformedRelocation, address: place, detail: "an atom of \(bytes.count) bytes")
    }
    let ordered = fixups.sorted { $0.offset < $1.offset }
    let fields =
      ordered.map { Int($0.offset)..<Int($0.offset) + $0.byteCount }
      + pointers.map { $0.offset..<$0.offset + 8 } + imports.map { $0.offset..<$0.offset + 8 }
    let ascending = fields.sorted { $0.lowerBound < $1.lowerBound }
    for (earlier, later) in zip(ascending, ascending.dropFirst()) where earlier.upperBound > later.lowerBound {
      throw LinkError(
        .malformedRelocation, address: place.displaced(by: Int64(later.lowerBound)),
        detail: "two relocations share bytes at offset \(later.lowerBound) of the atom")
    }
    return RelocatedAtom(
      bytes: bytes, fixups: ordered, pointers: pointers.sorted { $0.offset < $1.offset },
      imports: imports.sorted { $0.offset < $1.offset })
  }
}

// MARK: - Fields

extension RelocationPass {
  /// - Precondition: the field lies within the bytes.
  mutating func put(_ field: [UInt8], at offset: Int) { bytes.put(field, at: offset) }

  mutating func put32(_ value: UInt32, at offset: Int) { bytes.put32(value, at: offset) }

  mutating func put64(_ value: UInt64, at offset: Int) { bytes.put64(value, at: offset) }

  mutating func word(_ relocation: AtomRelocation, _ value: FixupValue) throws(LinkError) {
    switch value {
    case .address(let target) where isPositionIndependent:
      let pointer = AtomPointer(
        offset: relocation.offset, target: target.displaced(by: relocation.addend), relocation: relocation)
      pointers.append(pointer)
      bytes.put64(0, at: relocation.offset)
    case .address(let target):
      add(relocation, target, addend: relocation.addend, kind: .absolute64, field: relocation.offset)
    case .absolute(let number):
      bytes.put64(number &+ UInt64(bitPattern: relocation.addend), at: relocation.offset)
    case .imported:
      imports.append(relocation)
      bytes.put64(0, at: relocation.offset)
    case .cell, .cellOffset, .threadOffset, .size: throw unsuitable(relocation, value)
    }
  }

  mutating func absolute32(
    _ relocation: AtomRelocation, _ value: FixupValue, isSigned: Bool
  ) throws(LinkError) {
    let symbol: UInt64
    switch value {
    case .address(let target):
      if isPositionIndependent { throw slides(relocation) }
      symbol = target.rawValue
    case .absolute(let number): symbol = number
    case .cell, .cellOffset, .threadOffset, .size, .imported: throw unsuitable(relocation, value)
    }
    let sum = symbol &+ UInt64(bitPattern: relocation.addend)
    let fits = isSigned ? Int32(exactly: Int64(bitPattern: sum)) != nil : UInt32(exactly: sum) != nil
    guard fits else { throw outOfRange(relocation, "the address \(VirtualAddress(sum))") }
    if case .address(let target) = value {
      add(relocation, target, addend: relocation.addend, kind: .absolute32, field: relocation.offset)
    } else {
      bytes.put32(UInt32(truncatingIfNeeded: sum), at: relocation.offset)
    }
  }

  /// A sign-extended immediate that holds an address; only in images that do not slide.
  mutating func absolute(
    _ relocation: AtomRelocation, _ target: VirtualAddress, addend: Int64, kind: Fixup.Kind, field: Int
  ) throws(LinkError) {
    if isPositionIndependent { throw slides(relocation) }
    let sum = target.displaced(by: addend)
    guard Int32(exactly: Int64(bitPattern: sum.rawValue)) != nil else {
      throw outOfRange(relocation, "the address \(sum)")
    }
    add(relocation, target, addend: addend, kind: kind, field: field)
  }

  mutating func relative32(
    _ relocation: AtomRelocation, target: VirtualAddress, field: Int
  ) throws(LinkError) {
    let from = place.displaced(by: Int64(field))
    let distance = Int64(bitPattern: target.displaced(by: relocation.addend).rawValue &- from.rawValue)
    guard Int32(exactly: distance) != nil else { throw outOfRange(relocation, "\(target) from \(from)") }
    add(relocation, target, addend: relocation.addend, kind: .relative32, field: field)
  }

  /// A branch to a weak symbol that nothing defines is never taken: its distance to 0 is written even where 0 slides.
  mutating func relativeToNumber(
    _ relocation: AtomRelocation, _ number: UInt64, field: Int
  ) throws(LinkError) {
    guard number == 0 || !isPositionIndependent else {
      throw outOfRange(relocation, "the absolute symbol 0x\(String(number, radix: 16)) from an image that slides")
    }
    try relative32(relocation, target: VirtualAddress(number), field: field)
  }

  mutating func add(
    _ relocation: AtomRelocation, _ target: VirtualAddress, addend: Int64, kind: Fixup.Kind, field: Int
  ) {
    let fixup = Fixup(offset: UInt32(truncatingIfNeeded: field), kind: kind, target: target, addend: addend)
    bytes.put(fixup.fieldBytes(in: place, over: bytes[field..<field + fixup.byteCount]), at: field)
    fixups.append(fixup)
  }

  func signed(_ relocation: AtomRelocation, _ value: Int64, plus addend: Int64 = 0) throws(LinkError) -> UInt32 {
    let (sum, overflow) = value.addingReportingOverflow(addend)
    guard !overflow, let narrow = Int32(exactly: sum) else { throw outOfRange(relocation, "the value \(value)") }
    return UInt32(bitPattern: narrow)
  }
}

// MARK: - Refusals

extension RelocationPass {
  func refuse(_ relocation: AtomRelocation, _ refusal: RelocationRefusal) -> LinkError {
    error(relocation, refusal.isMalformed ? .malformedRelocation : .unsupportedRelocation, refusal.clause)
  }

  func slides(_ relocation: AtomRelocation) -> LinkError {
    error(
      relocation, .unsupportedRelocation, "a 32-bit absolute address in an image that slides; compile with -fPIE")
  }

  func outOfRange(_ relocation: AtomRelocation, _ what: String) -> LinkError {
    error(relocation, .relocationOutOfRange, "\(what) does not fit the field")
  }

  func unsuitable(_ relocation: AtomRelocation, _ value: FixupValue) -> LinkError {
    switch value {
    case .imported:
      error(relocation, .directReferenceToImport, "the field cannot be filled by the loader")
    case .address: error(relocation, .unsupportedRelocation, "the instruction needs a cell that holds the address")
    case .cell, .cellOffset:
      error(relocation, .unsupportedRelocation, "the field holds an address and cannot read it from a cell")
    case .threadOffset: error(relocation, .unsupportedRelocation, "the symbol is thread-local, the reference is not")
    case .size: error(relocation, .unsupportedRelocation, "the field does not hold a size")
    case .absolute:
      error(relocation, .unsupportedRelocation, "the symbol is a number without a place, or a weak one not defined")
    }
  }

  func error(_ relocation: AtomRelocation, _ code: LinkError.Code, _ clause: String) -> LinkError {
    LinkError(
      code, address: place.displaced(by: Int64(relocation.offset)),
      detail: "\(machine.name(ofRelocation: relocation.type)) at offset \(relocation.offset) of the atom: \(clause)")
  }
}
