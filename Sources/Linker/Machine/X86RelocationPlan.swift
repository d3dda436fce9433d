/// What stands around each relocation of an atom of x86-64.
struct X86RelocationPlan: RelocationPlan {
  private(set) var needs: [FixupNeed]
  /// By the relocation's index.
  private(set) var sequences: [Int: InstructionSequence] = [:]
  /// The relocation of the call that ends a sequence, by the index of the one that begins it.
  private(set) var calls: [Int: Int] = [:]

  init(relocations: [AtomRelocation], bytes: [UInt8], isCode: Bool) {
    needs = []
    needs.reserveCapacity(relocations.count)
    for (index, relocation) in relocations.enumerated() {
      guard let type = X86Relocation(rawValue: relocation.type) else {
        needs.append(.refused(.unknownType))
        continue
      }
      guard bytes.holdsField(at: relocation.offset, count: type.fieldByteCount) else {
        needs.append(.refused(.outsideAtom))
        continue
      }
      if isCode { sequences[index] = InstructionSequence(relocation, type, in: bytes) }
      needs.append(Self.need(relocation, type, sequence: sequences[index], bytes: bytes, isCode: isCode))
    }
    takeCalls(of: relocations)
  }

  /// The call of a thread-local sequence belongs to the sequence's first relocation.
  private mutating func takeCalls(of relocations: [AtomRelocation]) {
    guard sequences.values.contains(where: { $0.callOffset != nil }) else { return }
    let callKinds: Set<X86Relocation> = [.pc32, .plt32, .gotPCRel, .gotPCRelX, .rexGotPCRelX]
    var byOffset: [Int: Int] = [:]
    for (index, relocation) in relocations.enumerated() {
      guard let type = X86Relocation(rawValue: relocation.type), callKinds.contains(type) else { continue }
      byOffset[relocation.offset] = index
    }
    for (index, sequence) in sequences {
      guard let callOffset = sequence.callOffset else { continue }
      if let call = byOffset[callOffset] {
        calls[index] = call
        needs[call] = .nothing
        sequences[call] = nil
      } else {
        needs[index] = .refused(.unknownSequence)
      }
    }
  }

  private static func need(
    _ relocation: AtomRelocation, _ type: X86Relocation, sequence: InstructionSequence?, bytes: [UInt8], isCode: Bool
  ) -> FixupNeed {
    switch type {
    case .none, .vtInherit, .vtEntry: .nothing
    case .tlsDescCall: isDescriptorCall(bytes, at: relocation.offset) ? .nothing : .refused(.unknownSequence)
    case .direct64, .direct32, .direct32S, .pc64: .address
    case .pc32: isCode && isBranch(bytes, field: relocation.offset) ? .call : .address
    case .plt32: .call
    case .gotPCRel: .gotCell(isRelaxable: false)
    case .gotPCRelX, .rexGotPCRelX: .gotCell(isRelaxable: isRelaxable(relocation, sequence))
    case .tpOff32, .tpOff64, .dtpOff32, .dtpOff64: .threadOffset
    case .tlsGD: sequence == nil ? .refused(.unknownSequence) : .generalDynamic
    case .tlsLD: sequence == nil ? .refused(.unknownSequence) : .localDynamic
    case .gotTPOff: sequence == nil ? .refused(.unknownSequence) : .initialExec
    case .gotPC32TLSDesc: sequence == nil ? .refused(.unknownSequence) : .threadDescriptor
    case .size32, .size64: .size
    case .direct16, .pc16, .direct8, .pc8: .refused(.narrowField)
    case .got32, .gotOff64, .gotPC32, .got64, .gotPCRel64, .gotPC64, .gotPLT64, .pltOff64: .refused(.gotBase)
    case .copy, .globDat, .jumpSlot, .relative, .dtpMod64, .tlsDesc, .iRelative, .relative64:
      .refused(.loaderOnly)
    case .code4GotPCRelX, .code4GotTPOff, .code4GotPC32TLSDesc, .code5GotPCRelX, .code5GotTPOff,
      .code5GotPC32TLSDesc, .code6GotPCRelX, .code6GotTPOff, .code6GotPC32TLSDesc:
      .refused(.extendedPrefix)
    }
  }

  /// Only forms that serve at any address count, so that the answer does not hang on the kind of image.
  private static func isRelaxable(_ relocation: AtomRelocation, _ sequence: InstructionSequence?) -> Bool {
    relocation.addend == -4 && sequence?.forms.contains { $0.field == .address } == true
  }

  /// Whether the field belongs to a call, jmp or jcc. The byte before a field that is relative to the instruction is
  /// its ModRM, xx000101 binary, which none of these opcodes can be.
  private static func isBranch(_ bytes: [UInt8], field: Int) -> Bool {
    guard let opcode = bytes.byte(at: field - 1) else { return false }
    if opcode == 0xe8 || opcode == 0xe9 { return true }
    return opcode & 0xf0 == 0x80 && bytes.byte(at: field - 2) == 0x0f
  }

  private static func isDescriptorCall(_ bytes: [UInt8], at offset: Int) -> Bool {
    bytes.byte(at: offset) == 0xff && (bytes.byte(at: offset + 1) ?? 0) & 0xf8 == 0x10
  }
}
