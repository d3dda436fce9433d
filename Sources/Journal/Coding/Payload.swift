import Addressing

/// The bytes of a write with its fixup fields zeroed ("masked"): what only moved stays equal.
public enum Payload {
  /// - Precondition: the fixups lie within the bytes (`UpdateCoding` has checked those of an update).
  public static func masked(_ bytes: [UInt8], fixups: [Fixup]) -> [UInt8] {
    var bytes = bytes
    for fixup in fixups {
      let field = Int(fixup.offset)..<Int(fixup.offset) + fixup.byteCount
      bytes.replaceSubrange(field, with: fixup.maskedBytes(bytes[field]))
    }
    return bytes
  }

  /// The inverse of `masked` for a range that starts at `start`.
  static func filled(_ masked: [UInt8], fixups: [Fixup], start: VirtualAddress) -> [UInt8] {
    var bytes = masked
    for fixup in fixups {
      let field = Int(fixup.offset)..<Int(fixup.offset) + fixup.byteCount
      bytes.replaceSubrange(field, with: fixup.fieldBytes(in: start, over: bytes[field]))
    }
    return bytes
  }

  /// Whether every field has the value that its fixup gives; the bits that it does not give are the field's own.
  static func holds(_ bytes: [UInt8], fixups: [Fixup], start: VirtualAddress) -> Bool {
    fixups.allSatisfy { fixup in
      let field = bytes[Int(fixup.offset)..<Int(fixup.offset) + fixup.byteCount]
      return fixup.fieldBytes(in: start, over: field).elementsEqual(field)
    }
  }

  /// Why the fixups do not fit the bytes of a write; nil if they do.
  static func objection(to fixups: [Fixup], byteCount: Int, place: WriteOperation.Place) -> String? {
    if case .file = place, !fixups.isEmpty { return "a write to a file offset has fixups" }
    var end = 0
    for fixup in fixups {
      if Int(fixup.offset) < end { return "fixups overlap or are not in order" }
      end = Int(fixup.offset) + fixup.byteCount
      if end > byteCount { return "a fixup goes beyond its write" }
    }
    return nil
  }
}
