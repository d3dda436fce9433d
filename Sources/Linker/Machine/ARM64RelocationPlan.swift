import Addressing
import Journal

/// What stands around each relocation of an atom of arm64, and how its fields are written.
struct ARM64RelocationPlan: RelocationPlan {
  private(set) var needs: [FixupNeed] = []

  init(relocations: [AtomRelocation], bytes: [UInt8], isCode: Bool) {
    needs.reserveCapacity(relocations.count)
    let kept = Self.symbolsReadFromCells(relocations, bytes)
    let hasTable = Self.readsTable(relocations)
    for relocation in relocations {
      guard let type = ARM64Relocation(rawValue: relocation.type) else {
        needs.append(.refused(.unknownType))
        continue
      }
      let isAligned = !isCode || relocation.offset.isMultiple(of: 4) || type.field == .word64 || type.field == .word32
      guard bytes.holdsField(at: relocation.offset, count: type.fieldByteCount), isAligned else {
        needs.append(.refused(.outsideAtom))
        continue
      }
      needs.append(Self.need(type, relocation, ARM64Instruction(bytes, at: relocation.offset), kept, hasTable))
    }
    for call in ARM64ThreadCall.all(in: bytes, relocations) {
      needs[call.page] = .generalDynamic
      needs[call.offset] = .generalDynamic
      needs[call.call] = .nothing
    }
  }

  /// Whether cells are read by their distance from the page of the GOT, and the page is taken in the same atom: which page it
  /// is matters to nobody else then.
  private static func readsTable(_ relocations: [AtomRelocation]) -> Bool {
    let types = Set(relocations.map(\.type))
    return types.contains(ARM64Relocation.offsetTablePage.rawValue)
      && types.contains(ARM64Relocation.ld64GotPageLo15.rawValue)
  }

  /// The symbols whose cells are read by more than `adrp` and `ldr`: these must stay reads of cells.
  private static func symbolsReadFromCells(_ relocations: [AtomRelocation], _ bytes: [UInt8]) -> Set<Int> {
    var kept: Set<Int> = []
    for relocation in relocations {
      let instruction = ARM64Instruction(bytes, at: relocation.offset)
      switch ARM64Relocation(rawValue: relocation.type) {
      case .adrGotPage where relocation.addend == 0 && instruction?.isPageAddress == true: break
      case .ld64GotLo12NC where relocation.addend == 0 && instruction?.isLoad64 == true: break
      case .adrGotPage, .ld64GotLo12NC, .gotPCRel32, .gotPCRel64: kept.insert(relocation.symbol)
      default: break
      }
    }
    return kept
  }

  private static func need(
    _ type: ARM64Relocation, _ relocation: AtomRelocation, _ instruction: ARM64Instruction?, _ kept: Set<Int>,
    _ hasTable: Bool
  ) -> FixupNeed {
    switch type {
    case .none: return .nothing
    case .tlsDescCall, .tlsDescAddLo12: return .nothing
    case .call26, .jump26: return isOfKind(instruction, type) ? .call : .refused(.unknownSequence)
    case .plt32: return .call
    case .abs16, .prel16: return .refused(.narrowField)
    case .ld64GotOffLo15, .gotLdPRel19: return .refused(.gotBase)
    case .offsetTablePage, .ld64GotPageLo15:
      guard hasTable, relocation.addend == 0 else { return .refused(.gotBase) }
    // Those of whole calls are taken out of it afterwards.
    case .tlsGDAdrPage21, .tlsGDAddLo12NC: return .refused(.unknownSequence)
    case .tlsGDAdrPRel21, .tlsLDAdrPRel21, .tlsLDAdrPage21, .tlsLDAddLo12NC: return .refused(.threadCall)
    case .copy, .globDat, .jumpSlot, .relative, .tlsDTPMod, .tlsDTPRel, .tlsTPRel, .tlsDesc, .iRelative:
      return .refused(.loaderOnly)
    default: break
    }
    guard isOfKind(instruction, type) else { return .refused(.unknownSequence) }
    return switch type.meaning {
    case .address: .address
    case .gotCell: .gotCell(isRelaxable: !kept.contains(relocation.symbol))
    case .offsetTable: type == .offsetTablePage ? .cellPage : .cellOffset
    case .threadOffset: .threadOffset
    case .initialExec: .initialExec
    case .threadDescriptor: .threadDescriptor
    case .generalDynamic: .generalDynamic
    }
  }

  /// Whether the instruction is one that has the field.
  private static func isOfKind(_ instruction: ARM64Instruction?, _ type: ARM64Relocation) -> Bool {
    guard let instruction else { return false }
    return switch type.field {
    case .marker, .word64, .word32, .distance64, .distance32: true
    case .branch26: instruction.isBranch
    case .page21: instruction.isPageAddress
    case .byte21: instruction.isAddress
    case .offset12: instruction.isAccess || instruction.word & 0x7fc0_0000 == 0x1100_0000
    case .offset15: instruction.isLoad64
    case .offset24: instruction.word & 0x7fc0_0000 == 0x1140_0000
    // cbz, b.cond and ldr (literal) · tbz · movz, movk, movn
    case .word19: true
    case .word14: instruction.word & 0x7e00_0000 == 0x3600_0000
    case .move16: instruction.word & 0x1f80_0000 == 0x1280_0000
    case .refused: false
    }
  }

  // MARK: Writing

  /// What is left of the call through a thread-local descriptor, once the offset is known.
  func settle(_ relocation: AtomRelocation, into pass: inout RelocationPass) {
    switch ARM64Relocation(rawValue: relocation.type) {
    case .tlsDescCall, .tlsDescAddLo12: pass.put32(ARM64Instruction.nop.word, at: relocation.offset)
    default: break
    }
  }

  func write(
    _ index: Int, _ relocation: AtomRelocation, _ value: FixupValue, into pass: inout RelocationPass
  ) throws(LinkError) {
    guard let type = ARM64Relocation(rawValue: relocation.type) else { throw pass.refuse(relocation, .unknownType) }
    switch type.field {
    case .word64: try pass.word(relocation, value)
    case .word32: try pass.absolute32(relocation, value, isSigned: false)
    case .distance64, .distance32: try pass.distance(relocation, value, type)
    default:
      guard let instruction = ARM64Instruction(pass.bytes, at: relocation.offset) else {
        throw pass.refuse(relocation, .outsideAtom)
      }
      try pass.write(instruction, relocation, type, value)
    }
  }
}

extension RelocationPass {
  fileprivate mutating func distance(
    _ relocation: AtomRelocation, _ value: FixupValue, _ type: ARM64Relocation
  ) throws(LinkError) {
    switch value {
    case .address(let target) where type.meaning == .address, .cell(let target) where type.meaning == .gotCell:
      if type.field == .distance64 {
        add(relocation, target, addend: relocation.addend, kind: .relative64, field: relocation.offset)
      } else {
        try relative32(relocation, target: target, field: relocation.offset)
      }
    case .absolute(let number) where type.field == .distance32:
      try relativeToNumber(relocation, number, field: relocation.offset)
    default: throw unsuitable(relocation, value)
    }
  }

  fileprivate mutating func write(
    _ instruction: ARM64Instruction, _ relocation: AtomRelocation, _ type: ARM64Relocation, _ value: FixupValue
  ) throws(LinkError) {
    switch value {
    case .address(let target), .cell(let target):
      try writeAddress(of: target, isCell: value == .cell(target), instruction, relocation, type)
    case .cellOffset(let offset): try writeCellOffset(offset, instruction, relocation, type)
    case .absolute(let number): try writeNumber(number, instruction, relocation, type)
    case .threadOffset(let offset): try writeThreadOffset(offset &+ relocation.addend, instruction, relocation, type)
    case .size, .imported: throw unsuitable(relocation, value)
    }
  }

  private mutating func writeAddress(
    of target: VirtualAddress, isCell: Bool, _ instruction: ARM64Instruction, _ relocation: AtomRelocation,
    _ type: ARM64Relocation
  ) throws(LinkError) {
    let value: FixupValue = isCell ? .cell(target) : .address(target)
    let isSuitable = isCell ? type.meaning == .gotCell : type.meaning.takesAddress
    guard isSuitable else { throw unsuitable(relocation, value) }
    let sum = target.displaced(by: relocation.addend)
    let here = place.displaced(by: Int64(relocation.offset))
    let distance = Int64(bitPattern: sum.rawValue &- here.rawValue)
    switch type.field {
    case .page21:
      let pages = Int64(bitPattern: sum.rawValue >> 12 &- here.rawValue >> 12)
      try check(relocation, pages, bits: 21, sum)
      add(relocation, target, addend: relocation.addend, kind: .arm64Page21, field: relocation.offset)
    case .offset12:
      var instruction = instruction
      // A cell's content is known: the load of it becomes the sum.
      if type.meaning == .gotCell, !isCell { instruction = .add(instruction.destination, instruction.source) }
      put32(instruction.word, at: relocation.offset)
      guard sum.rawValue & ((1 << instruction.offsetShift) &- 1) == 0 else { throw outOfRange(relocation, "\(sum)") }
      add(relocation, target, addend: relocation.addend, kind: .arm64PageOffset12, field: relocation.offset)
    case .branch26:
      try check(relocation, distance, bits: 28, sum)
      add(relocation, target, addend: relocation.addend, kind: .arm64Branch26, field: relocation.offset)
    case .word19:
      try check(relocation, distance, bits: 21, sum)
      put32(instruction.with(UInt64(bitPattern: distance >> 2), at: 5, count: 19).word, at: relocation.offset)
    case .word14:
      try check(relocation, distance, bits: 16, sum)
      put32(instruction.with(UInt64(bitPattern: distance >> 2), at: 5, count: 14).word, at: relocation.offset)
    case .byte21:
      try check(relocation, distance, bits: 21, sum)
      put32(instruction.withDistance21(distance).word, at: relocation.offset)
    case .move16(let group) where !isPositionIndependent:
      put32(instruction.with(sum.rawValue >> (16 * UInt64(group)), at: 5, count: 16).word, at: relocation.offset)
    case .move16: throw slides(relocation)
    case .marker, .word64, .word32, .distance64, .distance32, .offset15, .offset24, .refused:
      throw unsuitable(relocation, value)
    }
  }

  /// `G(GDAT(S)) - Page(GOT)`, from 0 to 2^15 (AAELF64, GOT-relative instruction relocations).
  private mutating func writeCellOffset(
    _ offset: UInt64, _ instruction: ARM64Instruction, _ relocation: AtomRelocation, _ type: ARM64Relocation
  ) throws(LinkError) {
    guard type.field == .offset15 else { throw unsuitable(relocation, .cellOffset(offset)) }
    guard offset < 1 << 15, offset & 7 == 0 else {
      throw error(
        relocation, .relocationOutOfRange,
        "code reads more cells than loads reach from one page; compile with -fPIC, or record fewer objects at once")
    }
    put32(instruction.with(offset >> 3, at: 10, count: 12).word, at: relocation.offset)
  }

  private func check(
    _ relocation: AtomRelocation, _ distance: Int64, bits: Int64, _ target: VirtualAddress
  ) throws(LinkError) {
    let limit = Int64(1) << (bits - 1)
    let isWhole = bits == 21 || distance & 3 == 0
    guard distance >= -limit, distance < limit, isWhole else {
      throw outOfRange(relocation, "\(target) from \(place.displaced(by: Int64(relocation.offset)))")
    }
  }

  /// A symbol without a place: that of a weak one which nothing defines is 0, and branches to it are not taken
  /// (AAELF64, Weak References).
  private mutating func writeNumber(
    _ number: UInt64, _ instruction: ARM64Instruction, _ relocation: AtomRelocation, _ type: ARM64Relocation
  ) throws(LinkError) {
    switch (type.field, type.meaning) {
    case (.branch26, _) where number == 0: put32(ARM64Instruction.nop.word, at: relocation.offset)
    case (.page21, .gotCell) where number == 0, (.offset12, .gotCell) where number == 0:
      put32(ARM64Instruction.moveZero(instruction.destination, group: 0).word, at: relocation.offset)
    case (.move16(let group), .address):
      let sum = number &+ UInt64(bitPattern: relocation.addend)
      put32(instruction.with(sum >> (16 * UInt64(group)), at: 5, count: 16).word, at: relocation.offset)
    default: throw unsuitable(relocation, .absolute(number))
    }
  }

  /// Offsets from the thread pointer are below 2^32 and above 0 in an executable: sequences that would look one up
  /// become the number itself (ELF for the Arm 64-bit Architecture, Thread Local Storage).
  private mutating func writeThreadOffset(
    _ offset: Int64, _ instruction: ARM64Instruction, _ relocation: AtomRelocation, _ type: ARM64Relocation
  ) throws(LinkError) {
    guard let value = UInt32(exactly: offset).map(UInt64.init) else {
      throw outOfRange(relocation, "the offset \(offset)")
    }
    // A descriptor's sequence leaves the offset in x0, whatever register its `ldr` takes.
    let register = type.meaning == .threadDescriptor ? 0 : instruction.destination
    switch (type.field, type.meaning) {
    case (.page21, .initialExec), (.page21, .threadDescriptor), (.page21, .generalDynamic):
      put32(
        ARM64Instruction.moveZero(register, group: 1).with(value >> 16, at: 5, count: 16).word, at: relocation.offset)
    case (.offset12, .initialExec), (.offset12, .threadDescriptor):
      put32(ARM64Instruction.moveKeep(register, group: 0).with(value, at: 5, count: 16).word, at: relocation.offset)
    case (.offset12, .generalDynamic):
      put32(ARM64Instruction.moveKeep(0, group: 0).with(value, at: 5, count: 16).word, at: relocation.offset)
      put32(ARM64ThreadCall.ending.0.word, at: relocation.offset + 4)
      put32(ARM64ThreadCall.ending.1.word, at: relocation.offset + 8)
    case (.offset24, .threadOffset):
      guard value < 1 << 24 else { throw outOfRange(relocation, "the offset \(offset)") }
      put32(instruction.with(value >> 12, at: 10, count: 12).word, at: relocation.offset)
    case (.offset12, .threadOffset):
      let shift = instruction.offsetShift
      guard value & ((1 << shift) - 1) == 0 else { throw outOfRange(relocation, "the offset \(offset)") }
      put32(instruction.with((value & 0xfff) >> shift, at: 10, count: 12).word, at: relocation.offset)
    case (.move16(let group), .threadOffset):
      put32(instruction.with(value >> (16 * UInt64(group)), at: 5, count: 16).word, at: relocation.offset)
    default: throw unsuitable(relocation, .threadOffset(offset))
    }
  }
}
