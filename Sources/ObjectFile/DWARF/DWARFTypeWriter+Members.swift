extension DWARFTypeWriter {
  /// `next@0 *struct conn; flag@12.3/2 unsigned4`: the byte where a member starts; of a bit-field also the bit in that
  /// byte, counted from the lowest, and the number of bits.
  func appendMembers(of entry: DWARFEntry, to text: inout DWARFTypeText) throws(ObjectFileError) {
    guard entry.abbreviation.hasChildren else { return }
    var isFirst = true
    var children = try DWARFChildren(of: entry, reader)
    while let child = try children.next() {
      switch child.tag {
      case .member, .inheritance:
        guard let member = try DWARFMember(child, reader) else { continue }
        if !isFirst { text.append("; ") }
        isFirst = false
        try append(member, to: &text)
      case .variantPart, .variant:
        // Rust's enums: which members there are depends on a discriminant, which is a member too.
        if !isFirst { text.append("; ") }
        isFirst = false
        text.append(child.tag == .variantPart ? "variants {" : "variant {")
        try appendNestedMembers(of: child, to: &text)
        text.append("}")
      default: break
      }
    }
  }

  /// Variant parts within variants: bounded like types within types.
  private func appendNestedMembers(of entry: DWARFEntry, to text: inout DWARFTypeText) throws(ObjectFileError) {
    try nested { () throws(ObjectFileError) in try appendMembers(of: entry, to: &text) }
  }

  private func append(_ member: DWARFMember, to text: inout DWARFTypeText) throws(ObjectFileError) {
    if let name = member.name { text.append(name) }
    text.append("@")
    text.append(decimal: member.bitOffset / 8)
    if let bitCount = member.bitCount {
      text.append(".")
      text.append(decimal: member.bitOffset % 8)
      text.append("/")
      text.append(decimal: bitCount)
    }
    text.append(" ")
    text.append(try self.text(member.type, .value))
    try reader.charge(32)
  }

  /// `A=0; B=1`, in the order of the source.
  func appendEnumerators(of entry: DWARFEntry, to text: inout DWARFTypeText) throws(ObjectFileError) {
    guard entry.abbreviation.hasChildren else { return }
    var isFirst = true
    var children = try DWARFChildren(of: entry, reader)
    while let child = try children.next() {
      guard child.tag == .enumerator else { continue }
      var (name, value): (UnsafeRawBufferPointer?, DWARFValue?)
      var attributes = reader.attributes(of: child)
      while let (attribute, found) = try attributes.next() {
        switch attribute {
        case .name: name = try reader.string(found, in: child.unit)
        case .constantValue: value = found
        default: break
        }
      }
      if !isFirst { text.append("; ") }
      isFirst = false
      if let name { text.append(name) }
      text.append("=")
      switch value {
      case .signed(let number): text.append(String(number))
      case .unsigned(let number): text.append(decimal: number)
      default: text.append("?")
      }
    }
  }
}

/// A member of a struct, union or class, or its base class.
struct DWARFMember {
  var name: UnsafeRawBufferPointer?
  var type: DWARFValue?
  var bitOffset: UInt64 = 0
  /// Nil unless it is a bit-field.
  var bitCount: UInt64?

  /// Nil for a static member, which is no part of the layout.
  init?(_ entry: DWARFEntry, _ reader: DWARFReader) throws(ObjectFileError) {
    var (location, storage, bitOffsetFromTop): (DWARFValue?, UInt64?, UInt64?)
    var isStatic = false
    var attributes = reader.attributes(of: entry)
    while let (attribute, value) = try attributes.next() {
      switch attribute {
      case .name: name = try reader.string(value, in: entry.unit)
      case .type: type = value
      case .dataMemberLocation: location = value
      case .dataBitOffset: bitOffset = value.unsigned ?? 0
      case .bitSize: bitCount = value.unsigned
      case .byteSize: storage = value.unsigned
      case .bitOffset: bitOffsetFromTop = value.bits
      case .external, .declaration: isStatic = isStatic || (value.isTrue && entry.tag == .member)
      default: break
      }
    }
    if isStatic { return nil }
    if entry.tag == .inheritance { name = nil }
    let byteOffset = try Self.byteOffset(location, reader)
    bitOffset = bitOffset &+ byteOffset &* 8
    if let bitCount, let bitOffsetFromTop {
      // Versions 2 and 3 count from the highest bit of a storage unit, whose size is told or that of the type
      // (DWARF 3, 5.5.6).
      if storage == nil, let type { storage = try Self.byteCount(type, reader) }
      bitOffset = bitOffset &+ (storage ?? 0) &* 8 &- bitOffsetFromTop &- bitCount
    }
  }

  private static func byteOffset(_ value: DWARFValue?, _ reader: DWARFReader) throws(ObjectFileError) -> UInt64 {
    guard case .block(let range) = value else { return value?.bits ?? 0 }
    // Versions 2 and 3 write an expression: the offset to be added.
    var cursor = DWARFCursor(reader.section(.info), at: range.lowerBound, end: range.upperBound)
    let isSum = cursor.u8() == DWARFOperation.plusUnsigned
    let offset = cursor.uleb()
    return isSum && cursor.isAtEnd && !cursor.failed ? offset : 0
  }

  private static func byteCount(_ type: DWARFValue, _ reader: DWARFReader) throws(ObjectFileError) -> UInt64? {
    var next: DWARFValue? = type
    for _ in 0..<16 {
      guard let value = next, let entry = try reader.entry(value) else { return nil }
      let facts = try TypeFacts(entry, reader)
      if let byteCount = facts.byteCount { return byteCount }
      next = facts.type
    }
    return nil
  }
}
