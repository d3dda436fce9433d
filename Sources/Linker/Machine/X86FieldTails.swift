import Addressing

/// Tells how far the end of an instruction is from a field in it: what the addend of a section symbol hides.
struct X86FieldTails: FieldTails {
  private let piece: ObjectPiece
  private var body: CodeBody?

  init(_ piece: ObjectPiece) { self.piece = piece }

  /// Bytes from the field at `offset` to the end of its instruction: 4 where the field ends it, as in calls and jumps.
  mutating func byteCount(from offset: Int) -> Int {
    // A call or jump needs no decoding: E8, E9, and 0F 8x end with their field.
    let before = piece.bytes.byte(at: offset - 1)
    if before == 0xe8 || before == 0xe9 { return 4 }
    if body == nil { body = try? Disassembler(.x86_64).decode(piece.bytes, at: VirtualAddress(0)) }
    return 4 + (body?.trailingBytes(ofField: offset) ?? 0)
  }
}

extension X86Relocation {
  /// The field holds a distance from its own place, so that addends are 4 (or more) bytes short of the target.
  var isPCRelative: Bool {
    switch self {
    case .pc32, .plt32, .gotPCRel, .gotPCRelX, .rexGotPCRelX, .gotTPOff, .tlsGD, .tlsLD, .gotPC32TLSDesc: true
    default: false
    }
  }
}
