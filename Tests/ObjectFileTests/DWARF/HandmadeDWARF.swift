import ObjectFile

/// A version 4 unit put together by hand, every entry of which a test may write as no compiler does.
struct HandmadeDWARF {
  enum Tag: UInt8 {
    case array = 0x01
    case member = 0x0d
    case pointer = 0x0f
    case compileUnit = 0x11
    case structure = 0x13
    case typedef = 0x16
    case subrange = 0x21
    case base = 0x24
    case constant = 0x26
    case subprogram = 0x2e
    case namespace = 0x39
    case variable = 0x34
  }

  /// Attributes of an entry, in this order where they are there: name, byte size, reference, address expression.
  struct Shape: Hashable {
    var tag: Tag
    var hasChildren = false
    var hasName = false
    var hasSize = false
    var hasType = false
    var hasLocation = false
  }

  private var shapes: [Shape] = []
  private(set) var entries: [UInt8] = []
  var version: UInt16 = 4
  var addressByteCount: UInt8 = 8

  /// Offsets of entries count from the start of the unit.
  static let headerByteCount = 11
  var nextOffset: UInt32 { UInt32(Self.headerByteCount + entries.count) }

  init() { add(.compileUnit, children: true) }

  /// Adds an entry and returns its offset.
  @discardableResult
  mutating func add(
    _ tag: Tag, name: String? = nil, size: UInt8? = nil, type: UInt32? = nil, address: UInt64? = nil,
    children: Bool = false
  ) -> UInt32 {
    let shape = Shape(
      tag: tag, hasChildren: children, hasName: name != nil, hasSize: size != nil, hasType: type != nil,
      hasLocation: address != nil)
    let offset = nextOffset
    if !shapes.contains(shape) { shapes.append(shape) }
    entries.append(UInt8((shapes.firstIndex(of: shape) ?? 0) + 1))
    if let name { entries += Array(name.utf8) + [0] }
    if let size { entries.append(size) }
    if let type { entries += littleEndian(type) }
    if let address { entries += [9, 3] + littleEndian(address) }
    return offset
  }

  mutating func end() { entries.append(0) }

  var abbreviations: [UInt8] {
    var bytes: [UInt8] = []
    for (index, shape) in shapes.enumerated() {
      bytes += [UInt8(index + 1), shape.tag.rawValue, shape.hasChildren ? 1 : 0]
      if shape.hasName { bytes += [0x03, 0x08] }
      if shape.hasSize { bytes += [0x0b, 0x0b] }
      if shape.hasType { bytes += [0x49, 0x13] }
      if shape.hasLocation { bytes += [0x02, 0x18] }
      bytes += [0, 0]
    }
    return bytes + [0]
  }

  var info: [UInt8] {
    let rest = littleEndian(version) + littleEndian(UInt32(0)) + [addressByteCount] + entries
    return littleEndian(UInt32(rest.count)) + rest
  }

  var sections: [HandmadeELF.Section] {
    [
      HandmadeELF.Section(name: ".debug_info", type: 1, bytes: info),
      HandmadeELF.Section(name: ".debug_abbrev", type: 1, bytes: abbreviations),
    ]
  }

  func facts() throws -> DWARFFacts? { try Self.facts(sections) }

  static func facts(_ sections: [HandmadeELF.Section]) throws -> DWARFFacts? {
    try DWARFFacts(HandmadeELF(type: 3, sections: sections).file())
  }
}
