import Addressing
public import ObjectFile

/// Reads and writes again what an image tells the loader to fix, exports, or signs. The first byte says which.
///
/// Whatever the bytes are, it ends in time that grows with them and without a trap. What has been read without an error
/// says the same after it was written.
public struct FixupsWalk {
  /// Errors met, so that a caller can look at what kinds there were.
  public private(set) var errors: [ObjectFileError] = []

  public init() {}

  public mutating func walk(_ bytes: [UInt8]) {
    guard let kind = bytes.first else { return }
    let view = MappedFile(bytes: Array(bytes.dropFirst()), name: "walked").view
    do {
      switch kind % 7 {
      case 0: try rebases(view)
      case 1: try binds(view, .regular)
      case 2: try binds(view, .weak)
      case 3: try binds(view, .lazy)
      case 4: try chains(view)
      case 5: try exports(view)
      default: try signature(view)
      }
    } catch {
      errors.append(error)
      _ = error.description
    }
  }

  private static let places = MachOSegmentPlaces(
    (0..<4).map { index in
      MachOSegmentPlace(
        name: "__\(index)",
        range: AddressRange(start: VirtualAddress(0x1_0000_0000 + UInt64(index) * 0x10000), byteCount: 0x8000),
        fileOffset: FileOffset(UInt64(index) * 0x4000), fileByteCount: 0x4000)
    })

  private func view(_ bytes: [UInt8]) -> ByteView { MappedFile(bytes: bytes, name: "written").view }

  private func rebases(_ stream: ByteView) throws(ObjectFileError) {
    let read = Set(try MachORebases(stream, in: Self.places))
    let written = try MachORebaseEncoder.encode(read, file: "written")
    let again = try MachORebases(view(MachORebaseEncoder.padded(written, to: written.count + 9)), in: Self.places)
    precondition(Array(again) == read.sorted(), "rebases written differ from those read")
  }

  private func binds(_ stream: ByteView, _ kind: MachOBindStream) throws(ObjectFileError) {
    let read = try MachOBinds(stream, kind: kind, libraryCount: 20, in: Self.places)
    let written = try MachOBindEncoder.encode(
      read, kind: kind, strongDefinitions: read.strongDefinitions, file: "written")
    let again = try MachOBinds(view(written), kind: kind, libraryCount: 20, in: Self.places)
    func meaning(_ binds: MachOBinds) -> Set<MachOBind> {
      Set(binds.map { MachOBind(place: $0.place, target: $0.target) })
    }
    precondition(meaning(again) == meaning(read), "binds written differ from those read")
    precondition(
      Set(again.strongDefinitions.map { Array($0.utf8) }) == Set(read.strongDefinitions.map { Array($0.utf8) }),
      "definitions written differ from those read")
  }

  /// The chains lie in the very bytes that describe them.
  private func chains(_ whole: ByteView) throws(ObjectFileError) {
    let count = UInt64(whole.count)
    let places = MachOSegmentPlaces(
      [VirtualAddress(0x1_0000_0000), VirtualAddress(0x1_0001_0000)].map {
        MachOSegmentPlace(
          name: "__DATA", range: AddressRange(start: $0, byteCount: max(count, 0x4000)), fileOffset: FileOffset(0),
          fileByteCount: count)
      })
    let fixups = try MachOChainedFixups(whole, libraryCount: 2, in: places)
    let read = try fixups.fixups(in: whole, places: places)
    for fixup in read { _ = fixups.target(fixup.value) }
    guard let draft = try MachOChainedDraft(fixups, in: whole, places: places) else { return }
    if let first = draft.segments.lazy.compactMap({ $0 }).first {
      let base = VirtualAddress(0x1_0000_0000 &- first.offset)
      if let written = try? draft.encode(base: base) {
        _ = try MachOChainedFixups(view(written.payload), libraryCount: 2, in: places)
      }
    }
    guard let place = read.first?.place else { return }
    _ = try? fixups.edits(setting: [place: nil], in: whole, places: places)
    var more = fixups
    _ = try? more.addImports([MachOBindTarget(library: .thisImage, symbol: "_a")], in: whole)
  }

  private func exports(_ trie: ByteView) throws(ObjectFileError) {
    let read = try MachOExportTrie(trie)
    for export in read.exports.prefix(20) { _ = try read.export(named: export.name) }
    let again = try MachOExportTrie(view(MachOExportTrieBuilder.encode(read.exports, file: "written")))
    precondition(Set(again.exports) == Set(read.exports), "exports written differ from those read")
  }

  /// What is signed comes before the signature, which begins at the 256th byte.
  private func signature(_ whole: ByteView) throws(ObjectFileError) {
    let signature = try MachOCodeSignature(whole.suffix(from: 256))
    _ = try signature.entitlements()?.text
    for mismatch in try signature.mismatches(in: whole, sha256: Self.hash) { _ = mismatch.description }
    let edit = FileEdit(offset: FileOffset(8), before: try whole.bytes(at: 8, count: 2), after: [1, 2])
    let bytes = whole.allBytes
    func read(_ offset: FileOffset, _ count: Int) throws(ObjectFileError) -> [UInt8] {
      try whole.bytes(at: Int(clamping: offset.rawValue), count: count)
    }
    _ = try signature.edits(signing: [edit], byteCount: UInt64(bytes.count), sha256: Self.hash, read: read)
    let made = try signature.resigned(codeLimit: 256, sha256: Self.hash, read: read)
    let again = view(Array(bytes.prefix(256)) + made)
    let mismatches = try MachOCodeSignature(again.suffix(from: 256)).mismatches(in: again, sha256: Self.hash)
    for mismatch in mismatches {
      if case .page = mismatch.part { preconditionFailure("a signature made anew does not hold") }
    }
  }

  /// No digest: only as long as one.
  private static func hash(_ bytes: [UInt8]) -> [UInt8] {
    var sum: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return (0..<32).map { UInt8(truncatingIfNeeded: sum >> UInt64($0)) }
  }
}
