import Addressing
import CCapstone
import Journal

/// Decodes machine code. The architecture is a value: arm64 code is decoded on x86-64 and the other way round.
///
/// Not for use from several tasks at once: the library keeps state in its handle.
final class Disassembler {
  let architecture: BaseImage.Architecture
  private var handle: csh = 0

  init(_ architecture: BaseImage.Architecture) { self.architecture = architecture }

  deinit { if handle != 0 { cs_close(&handle) } }

  /// Decodes from the first byte on; the body says whether all of it could be.
  func decode(_ bytes: [UInt8], at start: VirtualAddress) throws(LinkError) -> CodeBody {
    guard let range = AddressRange(validating: start, byteCount: UInt64(bytes.count)) else {
      throw LinkError(.disassembly, address: start, detail: "\(bytes.count) bytes reach beyond the address space")
    }
    var instructions: [Instruction] = []
    let decoded = try iterate(bytes, at: start) { instructions.append(translate($0, from: start)) }
    if architecture == .arm64 { ARM64Addresses.add(to: &instructions, of: bytes, at: start) }
    return CodeBody(range: range, instructions: instructions, isComplete: decoded == bytes.count)
  }

  /// One line of text for each instruction, for listings: its offset, and mnemonic and operands.
  func listing(_ bytes: [UInt8], at start: VirtualAddress) throws(LinkError) -> [(offset: Int, text: String)] {
    var lines: [(offset: Int, text: String)] = []
    _ = try iterate(bytes, at: start) { instruction in
      let mnemonic = Self.text(of: instruction.mnemonic)
      let operands = Self.text(of: instruction.op_str)
      let offset = Int(truncatingIfNeeded: instruction.address &- start.rawValue)
      lines.append((offset, operands.isEmpty ? mnemonic : mnemonic + " " + operands))
    }
    return lines
  }

  /// What a body does to the registers that its callers need not save.
  func registerUse(_ bytes: [UInt8], at start: VirtualAddress) throws(LinkError) -> RegisterUse {
    let body = try decode(bytes, at: start)
    var use = RegisterUse(isComplete: body.isComplete)
    for flow in body.instructions.map(\.flow) {
      switch flow {
      case .call(nil): use.callsAnything = true
      case .call(let target?), .jump(let target?), .conditionalJump(let target?):
        if !body.range.contains(target) { use.calls.insert(target) }
      // A jump through a table stays in the body; one through a register may be a call at its end.
      case .jump(nil), .conditionalJump(nil), .next, .return, .stop: break
      }
    }
    let handle = try opened()
    _ = try iterate(bytes, at: start) { instruction in
      let written = writtenRegisters(instruction, handle)
      if written == nil { use.isComplete = false }
      use.written.formUnion((written ?? []).compactMap(RegisterUse.whole))
    }
    return use
  }

  /// Nil where the library does not know.
  private func writtenRegisters(_ instruction: cs_insn, _ handle: csh) -> [String]? {
    var counts: (read: UInt8, written: UInt8) = (0, 0)
    var copy = instruction
    return withUnsafeTemporaryAllocation(of: UInt16.self, capacity: 128) { registers -> [String]? in
      registers.initialize(repeating: 0)
      guard let read = registers.baseAddress,
        cs_regs_access(handle, &copy, read, &counts.read, read + 64, &counts.written) == CS_ERR_OK
      else { return nil }
      return registers[64...].prefix(Int(counts.written)).compactMap { register in
        cs_reg_name(handle, UInt32(register)).map { String(cString: $0) }
      }
    }
  }

  /// Calls `visit` for each instruction up to the first undecodable byte; returns how many bytes were decoded.
  private func iterate(
    _ bytes: [UInt8], at start: VirtualAddress, visit: (cs_insn) -> Void
  ) throws(LinkError) -> Int {
    let handle = try opened()
    guard let instruction = cs_malloc(handle) else { throw LinkError(.disassembly, detail: "no memory") }
    defer { cs_free(instruction, 1) }
    return bytes.withUnsafeBufferPointer { buffer in
      var code = buffer.baseAddress
      var left = buffer.count
      var address = start.rawValue
      while left > 0, cs_disasm_iter(handle, &code, &left, &address, instruction) { visit(instruction.pointee) }
      return buffer.count - left
    }
  }

  private func opened() throws(LinkError) -> csh {
    if handle != 0 { return handle }
    var opened: csh = 0
    let status =
      switch architecture {
      case .x86_64: cs_open(CS_ARCH_X86, CS_MODE_64, &opened)
      case .arm64: cs_open(CS_ARCH_ARM64, CS_MODE_ARM, &opened)
      }
    guard status == CS_ERR_OK else {
      throw LinkError(.disassembly, detail: "Capstone: \(String(cString: cs_strerror(status)))")
    }
    handle = opened
    cs_option(handle, CS_OPT_DETAIL, Int(CS_OPT_ON.rawValue))
    return handle
  }

  private func translate(_ instruction: cs_insn, from start: VirtualAddress) -> Instruction {
    let offset = Int(truncatingIfNeeded: instruction.address &- start.rawValue)
    var flow = ControlFlow.next
    var references: [CodeReference] = []
    if let detail = instruction.detail?.pointee {
      switch architecture {
      case .x86_64: (flow, references) = translateX86(instruction, detail, offset: offset)
      case .arm64: (flow, references) = translateARM64(instruction, detail, offset: offset)
      }
    }
    return Instruction(offset: offset, byteCount: Int(instruction.size), flow: flow, references: references)
  }

  /// The text of a fixed C array of characters.
  private static func text<Characters>(of characters: Characters) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

}

// MARK: - x86-64

extension Disassembler {
  /// What the groups of an instruction say; every instruction asks, so nothing is allocated for it.
  private struct Groups {
    private(set) var isCall = false
    private(set) var isJump = false
    private(set) var isReturn = false

    init(_ detail: cs_detail) {
      withUnsafeBytes(of: detail.groups) { groups in
        for group in groups.prefix(Int(detail.groups_count)) {
          switch cs_group_type(UInt32(group)) {
          case CS_GRP_CALL: isCall = true
          case CS_GRP_JUMP: isJump = true
          case CS_GRP_RET, CS_GRP_IRET: isReturn = true
          default: break
          }
        }
      }
    }
  }

  private func translateX86(
    _ instruction: cs_insn, _ detail: cs_detail, offset: Int
  ) -> (ControlFlow, [CodeReference]) {
    let groups = Groups(detail)
    let isBranch = groups.isCall || groups.isJump
    let encoding = detail.x86.encoding
    let end = instruction.address &+ UInt64(instruction.size)
    var references: [CodeReference] = []
    var target: VirtualAddress?
    withUnsafeBytes(of: detail.x86.operands) { memory in
      for operand in memory.bindMemory(to: cs_x86_op.self).prefix(Int(detail.x86.op_count)) {
        switch operand.type {
        case X86_OP_IMM:
          let address = VirtualAddress(UInt64(bitPattern: operand.imm))
          if isBranch { target = address }
          references.append(
            Self.reference(
              isBranch ? .branch : .immediate, address, offset, encoding.imm_offset, encoding.imm_size))
        case X86_OP_MEM:
          if let (kind, address) = Self.address(operand.mem, encoding, end: end) {
            var reference = Self.reference(kind, address, offset, encoding.disp_offset, encoding.disp_size)
            if instruction.id != X86_INS_LEA.rawValue { reference.accessByteCount = Int(operand.size) }
            references.append(reference)
          }
        default: break
        }
      }
    }
    return (Self.flow(instruction, groups, target), references)
  }

  private static func flow(_ instruction: cs_insn, _ groups: Groups, _ target: VirtualAddress?) -> ControlFlow {
    if groups.isCall { return .call(target) }
    if groups.isJump {
      let isUnconditional = instruction.id == X86_INS_JMP.rawValue || instruction.id == X86_INS_LJMP.rawValue
      return isUnconditional ? .jump(target) : .conditionalJump(target)
    }
    if groups.isReturn { return .return }
    return instruction.id == X86_INS_UD2.rawValue || instruction.id == X86_INS_HLT.rawValue ? .stop : .next
  }

  /// The address that an operand in memory names. `%fs` and `%gs` have bases of their own.
  private static func address(
    _ memory: x86_op_mem, _ encoding: cs_x86_encoding, end: UInt64
  ) -> (CodeReference.Kind, VirtualAddress)? {
    guard memory.segment != X86_REG_FS, memory.segment != X86_REG_GS else { return nil }
    let displacement = UInt64(bitPattern: memory.disp)
    if memory.base == X86_REG_RIP { return (.memory, VirtualAddress(end &+ displacement)) }
    if memory.base == X86_REG_INVALID, memory.index == X86_REG_INVALID {
      return (.memory, VirtualAddress(displacement))
    }
    return encoding.disp_size == 4 ? (.indexed, VirtualAddress(displacement)) : nil
  }

  private static func reference(
    _ kind: CodeReference.Kind, _ target: VirtualAddress, _ offset: Int, _ fieldOffset: UInt8, _ fieldByteCount: UInt8
  ) -> CodeReference {
    CodeReference(
      kind: kind, target: target, fieldOffset: fieldOffset == 0 ? nil : offset + Int(fieldOffset),
      fieldByteCount: Int(fieldByteCount))
  }
}

// MARK: - arm64

extension Disassembler {
  private func translateARM64(
    _ instruction: cs_insn, _ detail: cs_detail, offset: Int
  ) -> (ControlFlow, [CodeReference]) {
    let operands = withUnsafeBytes(of: detail.arm64.operands) {
      Array($0.bindMemory(to: cs_arm64_op.self).prefix(Int(detail.arm64.op_count)))
    }
    let immediate = operands.last { $0.type == ARM64_OP_IMM }.map { VirtualAddress(UInt64(bitPattern: $0.imm)) }
    let flow = Self.flowARM64(arm64_insn(instruction.id), detail.arm64.cc, immediate)
    if let target = flow.target {
      return (flow, [CodeReference(kind: .branch, target: target, fieldOffset: nil, fieldByteCount: 4)])
    }
    guard let immediate else { return (flow, []) }
    // Only these take the program counter into account; all other immediates are plain numbers.
    let isRelative = [ARM64_INS_ADR, ARM64_INS_ADRP, ARM64_INS_LDR, ARM64_INS_LDRSW].contains(
      arm64_insn(instruction.id))
    let kind: CodeReference.Kind = isRelative ? .memory : .immediate
    return (flow, [CodeReference(kind: kind, target: immediate, fieldOffset: nil, fieldByteCount: 4)])
  }

  private static func flowARM64(
    _ instruction: arm64_insn, _ condition: arm64_cc, _ target: VirtualAddress?
  ) -> ControlFlow {
    switch instruction {
    case ARM64_INS_BL: .call(target)
    case ARM64_INS_BLR: .call(nil)
    case ARM64_INS_B:
      condition == ARM64_CC_INVALID || condition == ARM64_CC_AL ? .jump(target) : .conditionalJump(target)
    case ARM64_INS_BR: .jump(nil)
    case ARM64_INS_CBZ, ARM64_INS_CBNZ, ARM64_INS_TBZ, ARM64_INS_TBNZ: .conditionalJump(target)
    case ARM64_INS_RET, ARM64_INS_ERET: .return
    case ARM64_INS_BRK, ARM64_INS_HLT: .stop
    default: .next
    }
  }
}
