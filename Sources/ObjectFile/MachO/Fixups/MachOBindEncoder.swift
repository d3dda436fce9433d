/// Writes bind opcodes.
public struct MachOBindEncoder: Sendable {
  private var bytes = TableBytes()
  private let file: String
  private var target: MachOBindTarget?
  // Where dyld stands after what has been written.
  private var position: MachOFixupPlace?

  private init(file: String) { self.file = file }

  /// The regular or the weak stream for a set of words: the same for the same set, whatever their order.
  ///
  /// It ends with BIND_OPCODE_DONE; nothing to say gives an empty stream.
  ///
  /// - Parameter strongDefinitions: in the weak stream, the names of which the image has a definition that wins.
  /// - Throws: `unsupportedFixup` for what no opcode can say.
  public static func encode(
    _ binds: some Sequence<MachOBind>, kind: MachOBindStream, strongDefinitions: [String] = [], file: String
  ) throws(ObjectFileError) -> [UInt8] {
    if kind == .lazy { return try encodeLazy(binds.map { $0 }, file: file).bytes }
    var encoder = MachOBindEncoder(file: file)
    for name in Set(strongDefinitions.map { Array($0.utf8) }).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      encoder.append(.setSymbol, MachOBindOpcode.strongDefinition)
      encoder.bytes.append(name + [0])
    }
    var groups: [MachOBindTarget: Set<MachOFixupPlace>] = [:]
    for bind in binds { groups[bind.target, default: []].insert(bind.place) }
    // Every definition's name stands before any bind's type: a stream that binds nothing needs none.
    if !groups.isEmpty { encoder.append(.setType, MachOBindOpcode.pointerType) }
    for (target, places) in groups.sorted(by: { $0.key.precedes($1.key) }) {
      try encoder.set(target, kind: kind)
      for run in MachOFixupRuns(places.sorted()) { try encoder.append(run) }
    }
    guard encoder.bytes.count > 0 else { return [] }
    encoder.append(.done)
    return encoder.bytes.bytes
  }

  /// The lazy stream, each word by itself, in the order given.
  ///
  /// - Returns: the stream, and for each word where its opcodes begin, which is what its stub helper must hand to dyld.
  public static func encodeLazy(
    _ binds: [MachOBind], file: String
  ) throws(ObjectFileError) -> (bytes: [UInt8], offsets: [UInt32]) {
    var result = TableBytes()
    var offsets: [UInt32] = []
    for bind in binds {
      offsets.append(UInt32(clamping: result.count))
      var encoder = MachOBindEncoder(file: file)
      try encoder.move(to: bind.place)
      encoder.position = bind.place
      try encoder.set(bind.target, kind: .lazy)
      encoder.append(.bind)
      encoder.append(.done)
      result.append(encoder.bytes.bytes)
    }
    return (result.bytes, offsets)
  }

  /// A regular or weak stream made as long as its room is; see `MachORebaseEncoder.padded`, the same holds here.
  ///
  /// - Precondition: `byteCount` is not less than the stream's length.
  public static func padded(_ stream: [UInt8], to byteCount: Int) -> [UInt8] {
    let nothing = MachOBindOpcode.setType.rawValue | MachOBindOpcode.pointerType
    return [UInt8](repeating: nothing, count: byteCount - stream.count) + stream
  }

  private mutating func append(_ opcode: MachOBindOpcode, _ immediate: UInt8 = 0) {
    bytes.append(opcode.rawValue | immediate)
  }

  private mutating func append(_ opcode: MachOBindOpcode, uleb: UInt64) {
    append(opcode)
    bytes.append(uleb: uleb)
  }

  /// Writes what differs from the target before.
  private mutating func set(_ new: MachOBindTarget, kind: MachOBindStream) throws(ObjectFileError) {
    if kind != .weak && target?.library != new.library { try set(new.library) }
    if target?.symbol.utf8.elementsEqual(new.symbol.utf8) != true || target?.isWeakImport != new.isWeakImport {
      append(.setSymbol, new.isWeakImport ? MachOBindOpcode.weakImport : 0)
      bytes.append(name: new.symbol)
    }
    if (target?.addend ?? 0) != new.addend {
      append(.setAddend)
      bytes.append(sleb: new.addend)
    }
    target = new
  }

  private mutating func set(_ library: MachOBindLibrary) throws(ObjectFileError) {
    switch library.rawValue {
    case -15..<0: append(.setSpecialLibrary, UInt8(library.rawValue + 16))
    case 0: append(.setSpecialLibrary)
    case 1..<16: append(.setLibrary, UInt8(library.rawValue))
    case 16...: append(.setLibraryULEB, uleb: UInt64(library.rawValue))
    default:
      throw ObjectFileError(.unsupportedFixup, file: file, detail: "a bind to library \(library.rawValue)")
    }
  }

  private mutating func append(_ run: MachOFixupRun) throws(ObjectFileError) {
    try move(to: run[0])
    let skip = UInt64(bitPattern: run.stride) &- MachOFixupPlace.wordByteCount
    let skippedWords = skip / MachOFixupPlace.wordByteCount
    switch run.count {
    case 1 where skip == 0: append(.bind)
    case 1 where skip.isMultiple(of: MachOFixupPlace.wordByteCount) && skippedWords < 16:
      append(.bindAddAddressScaled, UInt8(skippedWords))
    case 1: append(.bindAddAddress, uleb: skip)
    default:
      append(.bindTimesSkipping, uleb: run.count)
      bytes.append(uleb: skip)
    }
    position = run[run.count]
  }

  private mutating func move(to place: MachOFixupPlace) throws(ObjectFileError) {
    guard let position, position.segment == place.segment, position.offset <= place.offset else {
      append(.setSegmentAndOffset, try segmentImmediate(place.segment, file: file))
      return bytes.append(uleb: place.offset)
    }
    if position.offset < place.offset { append(.addAddress, uleb: place.offset - position.offset) }
  }
}

extension MachOBindTarget {
  fileprivate func precedes(_ other: MachOBindTarget) -> Bool {
    if library != other.library { return library < other.library }
    if !symbol.utf8.elementsEqual(other.symbol.utf8) {
      return symbol.utf8.lexicographicallyPrecedes(other.symbol.utf8)
    }
    if addend != other.addend { return addend < other.addend }
    return !isWeakImport && other.isWeakImport
  }
}
