import Addressing

/// Tells how far the end of an instruction is from a field in it: what the addend of a section symbol hides.
struct X86FieldTails: FieldTails {
  private let disassembler = Disassembler(.x86_64)
  /// The one that was asked for last.
  private var decoded: (piece: Int, body: CodeBody?)?

  /// Bytes from the field at `offset` to the end of its instruction: 4 where the field ends it, as in calls and jumps.
  mutating func byteCount(from offset: Int, in piece: ObjectPiece) -> Int {
    // A call or jump needs no decoding: E8, E9, and 0F 8x end with their field.
    let before = piece.bytes.byte(at: offset - 1)
    if before == 0xe8 || before == 0xe9 { return 4 }
    return 4 + (body(of: piece)?.trailingBytes(ofField: offset) ?? 0)
  }

  private mutating func body(of piece: ObjectPiece) -> CodeBody? {
    if let decoded, decoded.piece == piece.index { return decoded.body }
    let body = try? disassembler.decode(piece.bytes, at: VirtualAddress(0))
    decoded = (piece.index, body)
    return body
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
