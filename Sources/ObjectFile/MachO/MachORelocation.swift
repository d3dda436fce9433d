/// A relocation of an object, with all that several records and the bytes in place say of it brought together.
///
/// What the field stands for is `target + addend`, less `subtrahend`, and where it is relative to the program counter
/// less the field's own address and `distanceToNextInstruction`.
///
/// On x86-64 an assembler says how many bytes of an instruction follow the field (X86_64_RELOC_SIGNED_1 and so on) only
/// where there is no addend. Else the distance is said to be 4, and the addend is less by what is left out: their
/// difference is exact, the place that `addend` leads to may be up to 4 bytes before the one meant.
public struct MachORelocation: Hashable, Sendable {
  /// In the section.
  public let offset: UInt64
  public let kind: MachORelocationKind
  /// Of the field: 1, 4 or 8; for arm64 instructions 4.
  public let byteCount: Int
  public let isPCRelative: Bool
  public let target: MachORelocationTarget
  public let addend: Int64
  /// SUBTRACTOR: index of the symbol whose address is taken off.
  public let subtrahend: Int?
  /// From the field to where the program counter stands when it is used: x86-64 counts from the end of the instruction.
  /// 0 where nothing is relative, and on arm64.
  public let distanceToNextInstruction: Int64
}

/// What a relocation's addend counts from.
public enum MachORelocationTarget: Hashable, Sendable {
  /// Index in the symbol table.
  case symbol(Int)
  /// The start of a section that exists, counted from 1.
  case section(Int)
}

/// `r_type`, one name for what is the same on both machines (mach-o/reloc.h, x86_64/reloc.h, arm64/reloc.h).
public enum MachORelocationKind: Hashable, Sendable, CaseIterable {
  /// X86_64_RELOC_UNSIGNED, ARM64_RELOC_UNSIGNED: the address itself, or with a subtrahend a difference
  case absolute
  /// X86_64_RELOC_SIGNED, _1, _2, _4: a displacement, with so many bytes of the instruction behind it
  case x86Signed
  /// X86_64_RELOC_BRANCH
  case x86Branch
  /// X86_64_RELOC_GOT_LOAD: a `movq` from the target's GOT cell, which may become a `leaq` of the target
  case x86GOTLoad
  /// X86_64_RELOC_GOT: any other displacement to the target's GOT cell
  case x86GOT
  /// X86_64_RELOC_TLV: a `movq` of the address of a thread-local variable's descriptor
  case x86TLV
  /// ARM64_RELOC_BRANCH26: `b`, `bl`
  case armBranch26
  /// ARM64_RELOC_PAGE21: `adrp`
  case armPage21
  /// ARM64_RELOC_PAGEOFF12: `add`, or a load or store whose size scales the field
  case armPageOffset12
  /// ARM64_RELOC_GOT_LOAD_PAGE21
  case armGOTLoadPage21
  /// ARM64_RELOC_GOT_LOAD_PAGEOFF12
  case armGOTLoadPageOffset12
  /// ARM64_RELOC_POINTER_TO_GOT: the address of, or the displacement to, the target's GOT cell
  case armPointerToGOT
  /// ARM64_RELOC_TLVP_LOAD_PAGE21
  case armTLVLoadPage21
  /// ARM64_RELOC_TLVP_LOAD_PAGEOFF12
  case armTLVLoadPageOffset12
}

/// `struct relocation_info`: one record as it stands in the file.
struct MachORelocationRecord {
  let offset: UInt32
  /// A symbol's index, a section's ordinal, or the addend of ARM64_RELOC_ADDEND.
  let number: UInt32
  let isPCRelative: Bool
  /// A power of two.
  let length: UInt8
  let isExternal: Bool
  let type: UInt8

  static let byteCount = 8

  /// - Precondition: the record lies within the table.
  init(_ table: ByteView, at offset: Int) {
    let word = table.loadValidated(UInt32.self, at: offset + 4)
    self.offset = table.loadValidated(UInt32.self, at: offset)
    number = word & 0xFF_FFFF
    isPCRelative = word >> 24 & 1 != 0
    length = UInt8(word >> 25 & 3)
    isExternal = word >> 27 & 1 != 0
    type = UInt8(word >> 28)
  }

  /// R_SCATTERED, of 32-bit machines.
  var isScattered: Bool { offset & 0x8000_0000 != 0 }
  var fieldByteCount: Int { 1 << Int(length) }
}

/// What one `r_type` of a machine means, and the forms in which compilers emit it.
struct MachORelocationForm {
  enum Role: Hashable {
    case whole(MachORelocationKind)
    /// The first of a pair: what is subtracted.
    case subtractor
    /// The first of a pair: the addend of an instruction.
    case addend
    /// ARM64_RELOC_AUTHENTICATED_POINTER
    case authenticated
  }

  let role: Role
  /// `r_length` with `r_pcrel`.
  let shapes: [(length: UInt8, isPCRelative: Bool)]
  /// Whether the target may be a section instead of a symbol.
  let maySection: Bool
  /// Bytes of the instruction behind the field.
  let trailing: Int64

  private init(
    _ role: Role, _ shapes: [(length: UInt8, isPCRelative: Bool)], maySection: Bool = false, trailing: Int64 = 0
  ) {
    self.role = role
    self.shapes = shapes
    self.maySection = maySection
    self.trailing = trailing
  }

  private static let words: [(length: UInt8, isPCRelative: Bool)] = [(2, false), (3, false)]
  private static let plain: [(length: UInt8, isPCRelative: Bool)] = [(2, false)]
  private static let relative: [(length: UInt8, isPCRelative: Bool)] = [(2, true)]

  init?(_ machine: MachOMachine, type: UInt8) {
    let forms = machine == .arm64 ? Self.arm64 : Self.x86
    guard let form = type < forms.count ? forms[Int(type)] : nil else { return nil }
    self = form
  }

  /// By `r_type`.
  private static let arm64: [MachORelocationForm] = [
    .init(.whole(.absolute), words, maySection: true),
    .init(.subtractor, words),
    .init(.whole(.armBranch26), relative),
    .init(.whole(.armPage21), relative),
    .init(.whole(.armPageOffset12), plain),
    .init(.whole(.armGOTLoadPage21), relative),
    .init(.whole(.armGOTLoadPageOffset12), plain),
    .init(.whole(.armPointerToGOT), relative + [(3, false)]),
    .init(.whole(.armTLVLoadPage21), relative),
    .init(.whole(.armTLVLoadPageOffset12), plain),
    .init(.addend, plain),
    .init(.authenticated, [(3, false)]),
  ]

  private static let x86: [MachORelocationForm] = [
    .init(.whole(.absolute), words, maySection: true),
    .init(.whole(.x86Signed), relative, maySection: true),
    .init(.whole(.x86Branch), relative + [(0, true)], maySection: true),
    .init(.whole(.x86GOTLoad), relative),
    .init(.whole(.x86GOT), relative),
    .init(.subtractor, words),
    .init(.whole(.x86Signed), relative, maySection: true, trailing: 1),
    .init(.whole(.x86Signed), relative, maySection: true, trailing: 2),
    .init(.whole(.x86Signed), relative, maySection: true, trailing: 4),
    .init(.whole(.x86TLV), relative),
  ]
}
