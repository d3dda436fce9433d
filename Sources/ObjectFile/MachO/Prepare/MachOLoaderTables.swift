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
public struct MachOLoaderTables: Sendable {
  private let file: MachOFile
  private let layout: MachOArenaLayout
  private let places: MachOSegmentPlaces

  /// - Parameter file: the prepared image at the update that is added to.
  public init(_ file: MachOFile) throws(ObjectFileError) {
    guard let layout = try MachOArenaLayout(of: file) else {
      throw file.failure(.notAdoptable, detail: "it is not a prepared image")
    }
    self.file = file
    self.layout = layout
    places = file.segmentPlaces
  }

  /// What the loader fills today, by address; of chains and opcodes alike.
  public func pointers() throws(ObjectFileError) -> [VirtualAddress: MachOPointer] {
    var result: [VirtualAddress: MachOPointer] = [:]
    if let chains = try file.chainedFixups() {
      for fixup in try chains.fixups(in: file.view, places: places) {
        guard let address = places.address(of: fixup.place) else { continue }
        switch fixup.value {
        case .rebase(let target): result[address] = .address(target)
        case .bind: result[address] = chains.target(fixup.value).map { .symbol($0) }
        }
      }
      return result
    }
    for place in try file.rebases().map(Array.init) ?? [] {
      guard let address = places.address(of: place) else { continue }
      let word = try file.bytes(at: address, count: 8).load(UInt64.self, at: 0)
      result[address] = .address(VirtualAddress(word))
    }
    for kind in MachOBindStream.allCases {
      for bind in try file.binds(kind).map(Array.init) ?? [] {
        guard let address = places.address(of: bind.place) else { continue }
        result[address] = .symbol(bind.target)
      }
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
    var buffer = PatchBuffer(file.view)
    if let chains = try file.chainedFixups() {
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
