/// One way to write an instruction sequence that reaches a symbol: what a compiler writes, or what a linker may put
/// in its place once it knows where the symbol is (psABI, "Linker Optimization"; ELF Handling for Thread-Local Storage).
struct InstructionForm: Hashable, Sendable {
  /// What the 4-byte field between `head` and `tail` holds.
  enum Field: Hashable, Sendable {
    /// No field at all.
    case none
    /// Distance to the symbol.
    case address
    /// Distance to a cell that holds the symbol's address, or its offset from the thread pointer.
    case cell
    /// The symbol's address itself.
    case immediate
    /// The variable's offset from the thread pointer.
    case threadOffset
    /// Distance to a `tls_index` pair, or to a thread-local descriptor.
    case descriptor
    /// The distance from the thread-local block's start to the thread pointer.
    case blockDistance
  }

  var head: [UInt8]
  var field: Field
  var tail: [UInt8] = []
  /// The form leaves nothing of the call of `__tls_get_addr` that followed.
  var consumesCall = false

  var byteCount: Int { head.count + fieldByteCount + tail.count }

  private var fieldByteCount: Int { field == .none ? 0 : 4 }

  func stands(in bytes: [UInt8], at start: Int) -> Bool {
    bytes.holdsField(at: start, count: byteCount)
      && bytes.stands(head, at: start)
      && bytes.stands(tail, at: start + head.count + fieldByteCount)
  }
}

/// The forms that one relocated instruction sequence may take, and where it begins.
struct InstructionSequence: Hashable, Sendable {
  /// In bytes from the atom's start.
  var start: Int
  /// The preferred form of each field first. The form of the compiler is among them where it can be kept.
  var forms: [InstructionForm]
  /// Where the relocation of the call of `__tls_get_addr` lies.
  var callOffset: Int?
}

extension InstructionSequence {
  /// The sequence that a relocation stands in.
  ///
  /// - Returns: nil where the type has but one form, and where the bytes are of no form known.
  init?(_ relocation: AtomRelocation, _ type: X86Relocation, in bytes: [UInt8]) {
    let found: InstructionSequence? =
      switch type {
      case .gotPCRel, .gotPCRelX, .rexGotPCRelX: Self.gotLoad(relocation.offset, type, in: bytes)
      case .gotTPOff: Self.initialExec(relocation.offset, in: bytes)
      case .tlsGD: Self.generalDynamic(relocation.offset, in: bytes)
      case .tlsLD: Self.localDynamic(relocation.offset, in: bytes)
      case .gotPC32TLSDesc: Self.threadDescriptor(relocation.offset, in: bytes)
      default: nil
      }
    guard let found, found.forms.contains(where: { found.start + $0.byteCount <= bytes.count }) else { return nil }
    self = found
  }

  /// `ModRM` with register `register` and operand `disp32(%rip)`.
  private static func isRelativeToInstruction(_ modRM: UInt8) -> Bool { modRM & 0xc7 == 0x05 }

  /// The prefix once the register has moved from ModRM.reg to ModRM.rm: REX.R becomes REX.B.
  private static func movingRegister(_ prefix: UInt8) -> UInt8 { prefix & 0x04 == 0 ? prefix : prefix & ~0x04 | 0x01 }

  // psABI B.2 "Optimize GOTPCRELX Relocations". Linkers differ in which of the forms they write.
  private static func gotLoad(_ offset: Int, _ type: X86Relocation, in bytes: [UInt8]) -> InstructionSequence? {
    guard let operation = bytes.byte(at: offset - 2), let modRM = bytes.byte(at: offset - 1) else { return nil }
    if operation == 0xff, modRM == 0x15 || modRM == 0x25 {
      return InstructionSequence(start: offset - 2, forms: branchForms(modRM))
    }
    guard isRelativeToInstruction(modRM) else { return nil }
    // A plain GOTPCREL does not say whether the byte before is a prefix; REX.W is what compilers write there.
    var prefix = bytes.byte(at: offset - 3)
    if type == .gotPCRelX || (prefix ?? 0) & 0xf8 != 0x48 { prefix = nil }
    let register = (modRM >> 3) & 7
    let kept = prefix.map { [$0] } ?? []
    let moved = prefix.map { [movingRegister($0)] } ?? []
    var forms = [InstructionForm(head: kept + [operation, modRM], field: .cell)]
    switch operation {
    case 0x8b:
      forms.append(InstructionForm(head: kept + [0x8d, modRM], field: .address))
      forms.append(InstructionForm(head: moved + [0xc7, 0xc0 | register], field: .immediate))
    case 0x85:
      forms.append(InstructionForm(head: moved + [0xf7, 0xc0 | register], field: .immediate))
    case _ where operation & 0xc7 == 0x03:
      forms.append(InstructionForm(head: moved + [0x81, 0xc0 | operation & 0x38 | register], field: .immediate))
    default: break
    }
    return InstructionSequence(start: offset - 2 - kept.count, forms: forms)
  }

  private static func branchForms(_ modRM: UInt8) -> [InstructionForm] {
    let kept = InstructionForm(head: [0xff, modRM], field: .cell)
    if modRM == 0x25 {
      return [
        kept, InstructionForm(head: [0xe9], field: .address, tail: [0x90]),
        InstructionForm(head: [0x90, 0xe9], field: .address),
      ]
    }
    // ld's -z call-nop= chooses between these; addr32 is what every linker writes unasked.
    return [
      kept, InstructionForm(head: [0x67, 0xe8], field: .address), InstructionForm(head: [0x90, 0xe8], field: .address),
      InstructionForm(head: [0xe8], field: .address, tail: [0x90]),
      InstructionForm(head: [0xe8], field: .address, tail: [0x67]),
    ]
  }
}

/// Thread-local access: ELF Handling for Thread-Local Storage 4.4.6 (x86-64) and, for descriptors, RFC-TLSDESC-x86.
extension InstructionSequence {
  private static let readThreadPointer: [UInt8] = [0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0]

  // mov x@gottpoff(%rip), %reg · add x@gottpoff(%rip), %reg
  private static func initialExec(_ offset: Int, in bytes: [UInt8]) -> InstructionSequence? {
    guard let prefix = bytes.byte(at: offset - 3), prefix == 0x48 || prefix == 0x4c,
      let operation = bytes.byte(at: offset - 2), operation == 0x8b || operation == 0x03,
      let modRM = bytes.byte(at: offset - 1), isRelativeToInstruction(modRM)
    else { return nil }
    let register = (modRM >> 3) & 7
    let moved = movingRegister(prefix)
    var forms = [InstructionForm(head: [prefix, operation, modRM], field: .cell)]
    if operation == 0x8b {
      forms.append(InstructionForm(head: [moved, 0xc7, 0xc0 | register], field: .threadOffset))
    } else {
      let sum = InstructionForm(head: [moved, 0x81, 0xc0 | register], field: .threadOffset)
      // lea has no short form on %rsp and %r12: their ModRM.rm means a SIB byte.
      let both: UInt8 = prefix == 0x48 ? 0x48 : 0x4d
      let address = InstructionForm(head: [both, 0x8d, 0x80 | register << 3 | register], field: .threadOffset)
      forms += register == 4 ? [sum] : [address, sum]
    }
    return InstructionSequence(start: offset - 3, forms: forms)
  }

  // data16 lea x@tlsgd(%rip), %rdi; data16 data16 rex.W call __tls_get_addr@PLT (or call *…@GOTPCREL(%rip))
  private static func generalDynamic(_ offset: Int, in bytes: [UInt8]) -> InstructionSequence? {
    let head: [UInt8] = [0x66, 0x48, 0x8d, 0x3d]
    let calls: [[UInt8]] = [[0x66, 0x66, 0x48, 0xe8], [0x66, 0x48, 0xff, 0x15], [0x66, 0x48, 0x67, 0xe8]]
    guard bytes.stands(head, at: offset - 4), calls.contains(where: { bytes.stands($0, at: offset + 4) }),
      bytes.holdsField(at: offset + 8, count: 4)
    else { return nil }
    let forms = [
      InstructionForm(head: head, field: .descriptor),
      InstructionForm(head: readThreadPointer + [0x48, 0x8d, 0x80], field: .threadOffset, consumesCall: true),
      InstructionForm(head: readThreadPointer + [0x48, 0x81, 0xc0], field: .threadOffset, consumesCall: true),
      InstructionForm(head: readThreadPointer + [0x48, 0x03, 0x05], field: .cell, consumesCall: true),
    ]
    return InstructionSequence(start: offset - 4, forms: forms, callOffset: offset + 8)
  }

  // lea x@tlsld(%rip), %rdi; call __tls_get_addr@PLT (12 bytes), or call *…@GOTPCREL(%rip) (13 bytes)
  private static func localDynamic(_ offset: Int, in bytes: [UInt8]) -> InstructionSequence? {
    let head: [UInt8] = [0x48, 0x8d, 0x3d]
    let isShort = bytes.stands([0xe8], at: offset + 4)
    let isLong = bytes.stands([0xff, 0x15], at: offset + 4) || bytes.stands([0x67, 0xe8], at: offset + 4)
    let callOffset = offset + (isShort ? 5 : 6)
    guard bytes.stands(head, at: offset - 3), isShort || isLong, bytes.holdsField(at: callOffset, count: 4)
    else { return nil }
    let padding = [UInt8](repeating: 0x66, count: isShort ? 3 : 4)
    // mold leaves the block's start in %rax, and the offsets within the block in the fields that follow.
    let distance: [UInt8] = [0x31, 0xc0, 0x64, 0x48, 0x8b, 0x00, 0x48, 0x2d]
    let nop: [UInt8] = isShort ? [] : [0x90]
    let forms = [
      InstructionForm(head: head, field: .descriptor),
      InstructionForm(head: padding + readThreadPointer, field: .none, consumesCall: true),
      InstructionForm(head: distance, field: .blockDistance, tail: nop, consumesCall: true),
    ]
    return InstructionSequence(start: offset - 3, forms: forms, callOffset: callOffset)
  }

  // lea x@tlsdesc(%rip), %reg; the call through it is marked by a relocation of its own.
  private static func threadDescriptor(_ offset: Int, in bytes: [UInt8]) -> InstructionSequence? {
    guard let prefix = bytes.byte(at: offset - 3), prefix == 0x48 || prefix == 0x4c,
      bytes.byte(at: offset - 2) == 0x8d, let modRM = bytes.byte(at: offset - 1), isRelativeToInstruction(modRM)
    else { return nil }
    let register = (modRM >> 3) & 7
    let forms = [
      InstructionForm(head: [prefix, 0x8d, modRM], field: .descriptor),
      InstructionForm(head: [movingRegister(prefix), 0xc7, 0xc0 | register], field: .threadOffset),
      InstructionForm(head: [prefix, 0x8b, modRM], field: .cell),
    ]
    return InstructionSequence(start: offset - 3, forms: forms)
  }
}
