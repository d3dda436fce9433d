import Addressing
import Journal

extension X86RelocationPlan {
  /// All but the call through a descriptor are done with the relocation that has the value.
  func settle(_ relocation: AtomRelocation, into pass: inout RelocationPass) {
    if relocation.type == X86Relocation.tlsDescCall.rawValue { pass.put([0x66, 0x90], at: relocation.offset) }
  }

  func write(
    _ index: Int, _ relocation: AtomRelocation, _ value: FixupValue, into pass: inout RelocationPass
  ) throws(LinkError) {
    if let sequence = sequences[index] {
      try pass.write(sequence, relocation, value)
    } else {
      try pass.write(relocation, value)
    }
  }
}

extension RelocationPass {
  /// Writes the form of a sequence that suits the value.
  fileprivate mutating func write(
    _ sequence: InstructionSequence, _ relocation: AtomRelocation, _ value: FixupValue
  ) throws(LinkError) {
    guard let form = form(of: sequence, relocation, for: value) else { throw unsuitable(relocation, value) }
    guard bytes.holdsField(at: sequence.start, count: form.byteCount) else { throw refuse(relocation, .outsideAtom) }
    put(form.head, at: sequence.start)
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
      put32(try signed(relocation, Int64(bitPattern: number) &+ displacement), at: field)
    case (.threadOffset, .threadOffset(let offset)):
      put32(try signed(relocation, offset, plus: displacement), at: field)
    default: throw unsuitable(relocation, value)
    }
    if !form.tail.isEmpty { put(form.tail, at: sequence.start + form.byteCount - form.tail.count) }
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
    case .cellOffset, .size, .imported: return nil
    }
  }

  /// Writes a field that has but one form.
  fileprivate mutating func write(_ relocation: AtomRelocation, _ value: FixupValue) throws(LinkError) {
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
      put32(try signed(relocation, offset, plus: relocation.addend), at: relocation.offset)
    case (.tpOff64, .threadOffset(let offset)), (.dtpOff64, .threadOffset(let offset)):
      put64(UInt64(bitPattern: offset &+ relocation.addend), at: relocation.offset)
    case (.size32, .size(let count)):
      let sum = count &+ UInt64(bitPattern: relocation.addend)
      guard let narrow = UInt32(exactly: sum) else { throw outOfRange(relocation, "the size \(sum)") }
      put32(narrow, at: relocation.offset)
    case (.size64, .size(let count)):
      put64(count &+ UInt64(bitPattern: relocation.addend), at: relocation.offset)
    default: throw unsuitable(relocation, value)
    }
  }
}
