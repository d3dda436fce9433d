public import Addressing

/// What a word of a prepared image holds that the loader fills.
public enum MachOPointer: Hashable, Sendable {
  /// An address of this image; the slide is added.
  case address(VirtualAddress)
  /// The address of a symbol of another image.
  case symbol(MachOBindTarget)
}

/// The loader's tables of a prepared image at some update, and what must be edited to add to them.
///
/// The edits are whole in themselves: words, chains or opcodes, imports. Each has before what stands in the file as it was
/// read, so that updates that follow each other are computed each from the file at the one before. The signature of the
/// pages that change is not among them (`MachOCodeSignature.edits(signing:…)`).
public struct MachOLoaderTables {
  private let file: MachOFile
  private let places: MachOSegmentPlaces
  private let chains: MachOChainedFixups?
  /// The file as it is: each use takes a copy of it.
  private var contents: PatchBuffer
  private var opcodes: MachOOpcodePlaces?
  private var pages: [Page: [VirtualAddress: MachOPointer]] = [:]

  private struct Page: Hashable {
    var segment: Int
    var index: UInt64
  }

  /// - Parameters:
  ///   - file: the prepared image at the update that is added to; its headers and `__LINKEDIT` are enough (`withTables`)
  ///     where the rest can be read.
  ///   - read: bytes of that image.
  public init(
    _ file: MachOFile, read: ((_ offset: FileOffset, _ count: Int) throws -> [UInt8])? = nil
  ) throws(ObjectFileError) {
    guard try MachOArenaLayout(of: file) != nil else {
      throw file.failure(.notAdoptable, detail: "it is not a prepared image")
    }
    self.file = file
    places = file.segmentPlaces
    chains = try file.chainedFixups()
    contents =
      read.map { PatchBuffer(byteCount: UInt64(file.view.count), fileName: file.name, read: $0) }
      ?? PatchBuffer(file.view)
  }

  /// What the loader puts into the word at an address; nil where it leaves it alone.
  public mutating func pointer(at address: VirtualAddress) throws(ObjectFileError) -> MachOPointer? {
    guard let place = places.place(of: address) else { return nil }
    guard let chains else { return try opcodePointer(at: place, address) }
    guard let starts = chains.starts[place.segment] else { return nil }
    let page = Page(segment: place.segment, index: place.offset / starts.pageByteCount)
    if let known = pages[page] { return known[address] }
    var found: [VirtualAddress: MachOPointer] = [:]
    let fixups = try chains.fixups(
      inPage: Int(clamping: page.index), ofSegment: page.segment, in: &contents, places: places)
    for fixup in fixups { add(fixup, chains, to: &found) }
    pages[page] = found
    return found[address]
  }

  private mutating func opcodePointer(
    at place: MachOFixupPlace, _ address: VirtualAddress
  ) throws(ObjectFileError) -> MachOPointer? {
    let known: MachOOpcodePlaces
    if let opcodes { known = opcodes } else { known = try MachOOpcodePlaces(file) }
    opcodes = known
    if let bind = known.binds[place] { return .symbol(bind) }
    guard known.rebases.contains(place), let offset = places.fileOffset(of: place) else { return nil }
    return .address(VirtualAddress(try contents.load(UInt64.self, at: offset)))
  }

  private func add(
    _ fixup: MachOChainedFixup, _ chains: MachOChainedFixups, to result: inout [VirtualAddress: MachOPointer]
  ) {
    guard let address = places.address(of: fixup.place) else { return }
    switch fixup.value {
    case .rebase(let target): result[address] = .address(target)
    case .bind: result[address] = chains.target(fixup.value).map { .symbol($0) }
    }
  }

  /// What the loader fills today, by address; of chains and opcodes alike.
  public func pointers() throws(ObjectFileError) -> [VirtualAddress: MachOPointer] {
    var tables = self
    var result: [VirtualAddress: MachOPointer] = [:]
    if let chains {
      for (segment, starts) in chains.starts.enumerated() {
        for page in 0..<(starts?.pageCount ?? 0) {
          let fixups = try chains.fixups(inPage: page, ofSegment: segment, in: &tables.contents, places: places)
          for fixup in fixups { add(fixup, chains, to: &result) }
        }
      }
      return result
    }
    let opcodes = try MachOOpcodePlaces(file)
    for place in Array(opcodes.rebases) + Array(opcodes.binds.keys) {
      guard let address = places.address(of: place) else { continue }
      result[address] = try tables.opcodePointer(at: place, address)
    }
    return result
  }

  /// Makes words of the image pointers, or plain data again (nil: their bytes then read as zero).
  ///
  /// - Throws: `noRoom` where the opcodes, or the imports, no longer fit; `unmappedAddress` for a word that is not in the
  ///   file.
  public func edits(setting pointers: [VirtualAddress: MachOPointer?]) throws(ObjectFileError) -> [FileEdit] {
    var changes: [MachOFixupPlace: MachOPointer?] = [:]
    for (address, pointer) in pointers {
      guard let place = places.place(of: address) else {
        throw file.failure(.unmappedAddress, detail: "a pointer at \(address)")
      }
      changes[place] = .some(pointer)
    }
    var buffer = contents
    if let chains {
      try chain(changes, chains, in: &buffer)
    } else {
      try setOpcodes(changes, in: &buffer)
    }
    return buffer.takeEdits()
  }

  // MARK: Chains

  private func chain(
    _ changes: [MachOFixupPlace: MachOPointer?], _ chains: MachOChainedFixups, in buffer: inout PatchBuffer
  ) throws(ObjectFileError) {
    var chains = chains
    var values: [MachOFixupPlace: MachOChainedValue?] = [:]
    for (place, pointer) in changes.sorted(by: { $0.key < $1.key }) {
      switch pointer {
      case nil: values[place] = .some(nil)
      case .address(let target): values[place] = .rebase(target)
      case .symbol(let target): values[place] = .bind(try chains.ordinal(of: target, in: &buffer), addend: 0)
      }
    }
    try chains.set(values, in: &buffer, places: places)
    // A word that left its chain still holds the way to the next one.
    for (place, pointer) in changes where pointer == nil { try write(0, at: place, in: &buffer) }
  }

  private func write(_ word: UInt64, at place: MachOFixupPlace, in buffer: inout PatchBuffer) throws(ObjectFileError) {
    guard let offset = places.fileOffset(of: place) else {
      throw file.failure(.unmappedAddress, detail: "a pointer in segment \(place.segment)")
    }
    try buffer.write(TableBytes.encoded(word), at: offset)
  }

  // MARK: Opcodes

  private func setOpcodes(
    _ changes: [MachOFixupPlace: MachOPointer?], in buffer: inout PatchBuffer
  ) throws(ObjectFileError) {
    guard let info = try file.loaderInfo(), let oldRebases = try file.rebases(), let oldBinds = try file.binds(.regular)
    else { throw file.failure(.notAdoptable, detail: "no loader applies fixups to it") }
    var rebases = Set(oldRebases)
    var binds: [MachOFixupPlace: MachOBindTarget] = [:]
    for bind in oldBinds { binds[bind.place] = bind.target }
    for (place, pointer) in changes.sorted(by: { $0.key < $1.key }) {
      rebases.remove(place)
      binds[place] = nil
      switch pointer {
      case nil: try write(0, at: place, in: &buffer)
      case .address(let target):
        rebases.insert(place)
        try write(target.rawValue, at: place, in: &buffer)
      case .symbol(let target):
        binds[place] = target
        try write(0, at: place, in: &buffer)
      }
    }
    if rebases != Set(oldRebases) {
      let stream = try MachORebaseEncoder.encode(rebases, file: file.name)
      try replace(info.rebases, with: stream, called: "rebase", MachORebaseEncoder.padded, in: &buffer)
    }
    if Dictionary(oldBinds.map { ($0.place, $0.target) }, uniquingKeysWith: { $1 }) != binds {
      let list = binds.map { MachOBind(place: $0.key, target: $0.value) }
      let stream = try MachOBindEncoder.encode(list, kind: .regular, file: file.name)
      try replace(info.binds, with: stream, called: "bind", MachOBindEncoder.padded, in: &buffer)
    }
  }

  /// A stream stays as long as it is: its length stands in a load command, and so in the page of the header.
  private func replace(
    _ old: ByteView, with stream: [UInt8], called name: String, _ padded: ([UInt8], Int) -> [UInt8],
    in buffer: inout PatchBuffer
  ) throws(ObjectFileError) {
    // A stream of nothing would have no end.
    let stream = stream.isEmpty ? [0] : stream
    guard stream.count <= old.count else {
      throw file.failure(
        .noRoom, at: old.fileOffset,
        detail: "\(stream.count) bytes of \(name) opcodes, and there is room for \(old.count)")
    }
    try buffer.write(padded(stream, old.count), at: old.fileOffset)
  }
}

/// The words that opcodes tell the loader to fill.
private struct MachOOpcodePlaces {
  var rebases: Set<MachOFixupPlace>
  var binds: [MachOFixupPlace: MachOBindTarget] = [:]

  init(_ file: MachOFile) throws(ObjectFileError) {
    rebases = Set(try file.rebases().map(Array.init) ?? [])
    for kind in MachOBindStream.allCases {
      for bind in try file.binds(kind).map(Array.init) ?? [] { binds[bind.place] = bind.target }
    }
  }
}
