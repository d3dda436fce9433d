/// The words that dyld fills with addresses of symbols: one stream of bind opcodes, expanded as they are asked for.
///
/// All of the stream is checked when the value is made, as that of `MachORebases` is.
public struct MachOBinds: Sequence, Sendable {
  /// In the weak stream, names of which this image has a definition that is not weak: it wins over all weak ones.
  public let strongDefinitions: [String]
  private let decoder: MachOBindDecoder

  /// - Parameters:
  ///   - kind: which of the streams of LC_DYLD_INFO_ONLY it is.
  ///   - libraryCount: how many dylibs the image loads.
  public init(
    _ stream: ByteView, kind: MachOBindStream, libraryCount: Int, in places: MachOSegmentPlaces
  ) throws(ObjectFileError) {
    decoder = MachOBindDecoder(stream, kind: kind, libraryCount: libraryCount, in: places)
    var decoder = decoder
    while try decoder.next() != nil {}
    strongDefinitions = decoder.strongDefinitions
  }

  public func makeIterator() -> Iterator { Iterator(decoder) }

  public struct Iterator: IteratorProtocol {
    private var decoder: MachOBindDecoder
    private var bound: MachOBindRun?
    private var index: UInt64 = 0

    init(_ decoder: MachOBindDecoder) { self.decoder = decoder }

    public mutating func next() -> MachOBind? {
      if bound == nil {
        // It was read to its end without an error before.
        guard let next = try? decoder.next() else { return nil }
        (bound, index) = (next, 0)
      }
      guard let bound else { return nil }
      defer {
        index += 1
        if index == bound.run.count { self.bound = nil }
      }
      return MachOBind(place: bound.run[index], target: bound.target, streamOffset: bound.streamOffset)
    }
  }
}

struct MachOBindRun: Sendable {
  var run: MachOFixupRun
  var target: MachOBindTarget
  var streamOffset: UInt32?
}

/// The runs of words that the opcodes make.
struct MachOBindDecoder: Sendable {
  private var cursor: MachOStreamCursor
  private var position: MachOFixupPosition
  private let kind: MachOBindStream
  private let libraryCount: Int
  private var library: MachOBindLibrary?
  private var symbol: String?
  private var addend: Int64 = 0
  private var isWeakImport = false
  private var isPointer = false
  /// Where the opcodes of the current word of the lazy stream begin.
  private var entryOffset = 0
  private(set) var strongDefinitions: [String] = []

  init(_ stream: ByteView, kind: MachOBindStream, libraryCount: Int, in places: MachOSegmentPlaces) {
    cursor = MachOStreamCursor(stream)
    position = MachOFixupPosition(in: places)
    self.kind = kind
    self.libraryCount = libraryCount
    reset()
  }

  /// dyld reads each word of the lazy stream by itself, and takes it for a pointer.
  private mutating func reset() {
    position.reset()
    (library, symbol) = (kind == .weak ? .weakLookup : nil, nil)
    (addend, isWeakImport, isPointer) = (0, false, kind == .lazy)
    entryOffset = cursor.offset
  }

  mutating func next() throws(ObjectFileError) -> MachOBindRun? {
    while !cursor.isAtEnd {
      let byte = try cursor.byte()
      guard let opcode = MachOBindOpcode(rawValue: byte & 0xF0), opcode != .threaded else {
        throw cursor.failure(.unsupportedFixup, "bind opcode 0x\(String(byte, radix: 16))")
      }
      // In the lazy stream it ends a word, not the stream.
      if opcode == .done && kind != .lazy { return nil }
      if let bound = try perform(opcode, immediate: byte & 0x0F) { return bound }
    }
    return nil
  }

  private mutating func perform(
    _ opcode: MachOBindOpcode, immediate: UInt8
  ) throws(ObjectFileError) -> MachOBindRun? {
    switch opcode {
    case .done: reset()
    case .setLibrary: try set(library: Int(immediate))
    case .setLibraryULEB: try set(library: Int(clamping: try cursor.uleb()))
    // The immediate is a negative number of four bits, or zero.
    case .setSpecialLibrary: try set(library: immediate == 0 ? 0 : Int(immediate) - 16)
    case .setSymbol: try setSymbol(flags: immediate)
    case .setType:
      // Types 2 and 3 are of 32-bit code (BIND_TYPE_TEXT_*).
      guard immediate == MachOBindOpcode.pointerType else {
        throw cursor.failure(.unsupportedFixup, "bind type \(immediate)")
      }
      isPointer = true
    case .setAddend: addend = try cursor.sleb()
    case .setSegmentAndOffset: position.set(segment: Int(immediate), offset: try cursor.uleb())
    case .addAddress: position.advance(by: try cursor.uleb())
    case .bind: return try take(1, skip: 0)
    case .bindAddAddress: return try take(1, skip: try cursor.uleb())
    case .bindAddAddressScaled: return try take(1, skip: UInt64(immediate) * MachOFixupPlace.wordByteCount)
    case .bindTimesSkipping:
      let count = try cursor.uleb()
      return try take(count, skip: try cursor.uleb())
    case .threaded: break
    }
    return nil
  }

  private mutating func set(library number: Int) throws(ObjectFileError) {
    let ordinal = MachOBindLibrary(number)
    guard ordinal.isKnown(libraryCount: libraryCount) else {
      throw cursor.failure(.malformedFixups, "a bind to library \(number) of \(libraryCount)")
    }
    if kind != .weak { library = ordinal }
  }

  private mutating func setSymbol(flags: UInt8) throws(ObjectFileError) {
    let name = try cursor.name()
    (symbol, isWeakImport) = (name, flags & MachOBindOpcode.weakImport != 0)
    if kind == .weak && flags & MachOBindOpcode.strongDefinition != 0 { strongDefinitions.append(name) }
  }

  private mutating func take(_ count: UInt64, skip: UInt64) throws(ObjectFileError) -> MachOBindRun? {
    guard let symbol, let library, isPointer else {
      let missing = symbol == nil ? "symbol" : library == nil ? "library" : "type"
      throw cursor.failure(.malformedFixups, "a bind before its \(missing) is set", symbol: symbol)
    }
    guard let run = try position.take(count, skip: skip, cursor) else { return nil }
    let target = MachOBindTarget(library: library, symbol: symbol, addend: addend, isWeakImport: isWeakImport)
    return MachOBindRun(run: run, target: target, streamOffset: kind == .lazy ? UInt32(clamping: entryOffset) : nil)
  }
}
