import Addressing
import Journal

/// One atom while its relocations are being done.
struct RelocationPass {
  /// The relocation at work, for the message of an error.
  var current = 0
  private var bytes: [UInt8]
  private let place: VirtualAddress
  private let isPositionIndependent: Bool
  private var fixups: [Fixup] = []
  private var pointers: [AtomPointer] = []
  private var imports: [AtomRelocation] = []

  init(bytes: [UInt8], place: VirtualAddress, isPositionIndependent: Bool) {
    self.bytes = bytes
    self.place = place
    self.isPositionIndependent = isPositionIndependent
  }

  /// A relocation without a value: all but the call through a descriptor are done with the one that has it.
  mutating func settle(_ relocation: AtomRelocation) {
    if relocation.type == X86Relocation.tlsDescCall.rawValue { bytes.put([0x66, 0x90], at: relocation.offset) }
  }

  /// Writes the form of a sequence that suits the value.
  mutating func write(
    _ sequence: InstructionSequence, _ relocation: AtomRelocation, _ value: FixupValue
  ) throws(LinkError) {
    guard let form = form(of: sequence, relocation, for: value) else { throw unsuitable(relocation, value) }
    guard bytes.holdsField(at: sequence.start, count: form.byteCount) else { throw refuse(relocation, .outsideAtom) }
    bytes.put(form.head, at: sequence.start)
    let field = sequence.start + form.head.count
    // The compiler's addend counts from the field to the instruction's end, 4 bytes on, which an immediate does not.
    let displacement = relocation.addend &+ 4
    switch (form.field, value) {
    case (.none, _): break
    case (.address, .address(let target)), (.cell, .cell(let target)):
      try relative32(relocation, target: target, field: field)
    case (.address, .absolute(let number)):
      try relativeToNumber(relocation, number, field: field)
    case (.immediate, .address(let target)):
      try absolute(relocation, target, addend: displacement, kind: .absolute32, field: field)
    case (.immediate, .absolute(let number)):
      bytes.put32(try signed(relocation, Int64(bitPattern: number) &+ displacement), at: field)
    case (.threadOffset, .threadOffset(let offset)):
      bytes.put32(try signed(relocation, offset, plus: displacement), at: field)
    default: throw unsuitable(relocation, value)
    }
    if !form.tail.isEmpty { bytes.put(form.tail, at: sequence.start + form.byteCount - form.tail.count) }
  }

  private func form(
    of sequence: InstructionSequence, _ relocation: AtomRelocation, for value: FixupValue
  ) -> InstructionForm? {
    func first(_ field: InstructionForm.Field) -> InstructionForm? { sequence.forms.first { $0.field == field } }
    switch value {
    case .address:
      // A plain GOTPCREL gives no leave to rewrite the instruction before its field.
      guard relocation.type != X86Relocation.gotPCRel.rawValue else { return nil }
      return first(.address) ?? (isPositionIndependent ? nil : first(.immediate))
    case .cell: return first(.cell)
    case .threadOffset: return first(.threadOffset) ?? first(.none)
    case .absolute:
      guard relocation.type != X86Relocation.gotPCRel.rawValue else { return nil }
      return first(.immediate) ?? first(.address)
    case .size, .imported: return nil
    }
  }

  /// Writes a field that has but one form.
  mutating func write(_ relocation: AtomRelocation, _ value: FixupValue) throws(LinkError) {
    guard let type = X86Relocation(rawValue: relocation.type) else { throw refuse(relocation, .unknownType) }
    switch (type, value) {
    case (.direct64, _): try word(relocation, value)
    case (.direct32, .address), (.direct32S, .address), (.direct32, .absolute), (.direct32S, .absolute):
      try absolute32(relocation, value, isSigned: type == .direct32S)
    case (.pc32, .address(let target)), (.plt32, .address(let target)), (.gotPCRel, .cell(let target)),
      (.gotPCRelX, .cell(let target)), (.rexGotPCRelX, .cell(let target)):
      try relative32(relocation, target: target, field: relocation.offset)
    case (.pc64, .address(let target)):
      add(relocation, target, addend: relocation.addend, kind: .relative64, field: relocation.offset)
    case (.pc32, .absolute(let number)), (.plt32, .absolute(let number)):
      try relativeToNumber(relocation, number, field: relocation.offset)
    case (.tpOff32, .threadOffset(let offset)), (.dtpOff32, .threadOffset(let offset)):
      bytes.put32(try signed(relocation, offset, plus: relocation.addend), at: relocation.offset)
    case (.tpOff64, .threadOffset(let offset)), (.dtpOff64, .threadOffset(let offset)):
      bytes.put64(UInt64(bitPattern: offset &+ relocation.addend), at: relocation.offset)
    case (.size32, .size(let count)):
      let sum = count &+ UInt64(bitPattern: relocation.addend)
      guard let narrow = UInt32(exactly: sum) else { throw outOfRange(relocation, "the size \(sum)") }
      bytes.put32(narrow, at: relocation.offset)
    case (.size64, .size(let count)):
      bytes.put64(count &+ UInt64(bitPattern: relocation.addend), at: relocation.offset)
    default: throw unsuitable(relocation, value)
    }
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
  private mutating func word(_ relocation: AtomRelocation, _ value: FixupValue) throws(LinkError) {
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
    case .cell, .threadOffset, .size: throw unsuitable(relocation, value)
    }
  }

  private mutating func absolute32(
    _ relocation: AtomRelocation, _ value: FixupValue, isSigned: Bool
  ) throws(LinkError) {
    let symbol: UInt64
    switch value {
    case .address(let target):
      if isPositionIndependent { throw slides(relocation) }
      symbol = target.rawValue
    case .absolute(let number): symbol = number
    case .cell, .threadOffset, .size, .imported: throw unsuitable(relocation, value)
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
  private mutating func absolute(
    _ relocation: AtomRelocation, _ target: VirtualAddress, addend: Int64, kind: Fixup.Kind, field: Int
  ) throws(LinkError) {
    if isPositionIndependent { throw slides(relocation) }
    let sum = target.displaced(by: addend)
    guard Int32(exactly: Int64(bitPattern: sum.rawValue)) != nil else {
      throw outOfRange(relocation, "the address \(sum)")
    }
    add(relocation, target, addend: addend, kind: kind, field: field)
  }

  private mutating func relative32(
    _ relocation: AtomRelocation, target: VirtualAddress, field: Int
  ) throws(LinkError) {
    let from = place.displaced(by: Int64(field))
    let distance = Int64(bitPattern: target.displaced(by: relocation.addend).rawValue &- from.rawValue)
    guard Int32(exactly: distance) != nil else { throw outOfRange(relocation, "\(target) from \(from)") }
    add(relocation, target, addend: relocation.addend, kind: .relative32, field: field)
  }

  /// A branch to a weak symbol that nothing defines is never taken: its distance to 0 is written even where 0 slides.
  private mutating func relativeToNumber(
    _ relocation: AtomRelocation, _ number: UInt64, field: Int
  ) throws(LinkError) {
    guard number == 0 || !isPositionIndependent else {
      throw outOfRange(relocation, "the absolute symbol 0x\(String(number, radix: 16)) from an image that slides")
    }
    try relative32(relocation, target: VirtualAddress(number), field: field)
  }

  private mutating func add(
    _ relocation: AtomRelocation, _ target: VirtualAddress, addend: Int64, kind: Fixup.Kind, field: Int
  ) {
    let fixup = Fixup(offset: UInt32(truncatingIfNeeded: field), kind: kind, target: target, addend: addend)
    bytes.put(fixup.fieldBytes(in: place), at: field)
    fixups.append(fixup)
  }

  private func signed(_ relocation: AtomRelocation, _ value: Int64, plus addend: Int64 = 0) throws(LinkError) -> UInt32
  {
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

  private func slides(_ relocation: AtomRelocation) -> LinkError {
    error(
      relocation, .unsupportedRelocation, "a 32-bit absolute address in an image that slides; compile with -fPIE")
  }

  private func outOfRange(_ relocation: AtomRelocation, _ what: String) -> LinkError {
    error(relocation, .relocationOutOfRange, "\(what) does not fit the field")
  }

  private func unsuitable(_ relocation: AtomRelocation, _ value: FixupValue) -> LinkError {
    switch value {
    case .imported:
      error(relocation, .directReferenceToImport, "the field cannot be filled by the loader")
    case .address: error(relocation, .unsupportedRelocation, "the instruction needs a cell that holds the address")
    case .cell: error(relocation, .unsupportedRelocation, "the field holds an address and cannot read it from a cell")
    case .threadOffset: error(relocation, .unsupportedRelocation, "the symbol is thread-local, the reference is not")
    case .size: error(relocation, .unsupportedRelocation, "the field does not hold a size")
    case .absolute:
      error(relocation, .unsupportedRelocation, "the symbol is a number without a place, or a weak one not defined")
    }
  }

  private func error(_ relocation: AtomRelocation, _ code: LinkError.Code, _ clause: String) -> LinkError {
    LinkError(
      code, address: place.displaced(by: Int64(relocation.offset)),
      detail: "\(X86Relocation.name(of: relocation.type)) at offset \(relocation.offset) of the atom: \(clause)")
  }
}
