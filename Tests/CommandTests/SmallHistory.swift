import Addressing
import Applier
import Foundation
import Journal

/// A journal and an image's file, made by hand: `work` of the base image moves into the arena, from room to room.
///
/// ```
/// base ─ 1: room 0 ─ 2: room 1 ─ 3: over room 0
///                   └ 4: room 2
/// ```
final class SmallHistory {
  static let page: UInt64 = 0x1000
  static let codeStart: UInt64 = 0x40_0000
  static let arenaStart: UInt64 = 0x80_0000
  private static let headerOffset = 0x4000
  private static let fileByteCount: UInt64 = 0x8000
  private static let identity: [UInt8] = Array(1...20)

  static let work = AtomIdentity(name: "work")
  /// In the base image, and where everybody who calls it goes.
  static let baseBody = range(codeStart + 0x200, 64)
  static let cell = VirtualAddress(arenaStart + 4 * page)

  static func range(_ start: UInt64, _ byteCount: UInt64) -> AddressRange {
    AddressRange(start: VirtualAddress(start), byteCount: byteCount)
  }

  /// Room for one body.
  static func room(_ index: UInt64) -> AddressRange { range(arenaStart + 64 * index, 64) }

  /// What a body of this filling has.
  static func bytes(_ filling: UInt8) -> [UInt8] { [UInt8](repeating: filling, count: 64) }

  let folder: URL
  let store: JournalStore
  let image: String
  private(set) var updates: [Update] = []

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("hcs-journal-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    image = folder.appendingPathComponent("small.hot").path
    let base = Self.base()
    let file = Self.file(base)
    try Data(file).write(to: URL(fileURLWithPath: image))
    let symbol = BaseSymbol(
      name: "work", address: Self.baseBody.start, byteCount: 64, kind: .function, binding: .global)
    store = try JournalStore.create(
      at: folder.appendingPathComponent("small.hcsj").path, base: base,
      content: BaseContent(
        symbols: [symbol], imports: [], types: [], libraries: [],
        readPreparedImage: { Array(file[Int($0.rawValue)..<Int($0.rawValue) + $1]) }))
    try move(to: 0, 0xA1, after: base.digest)
    try move(to: 1, 0xA2, from: 0, after: updates[0].digest)
    try move(to: 0, 0xA3, from: 1, over: 0xA1, after: updates[1].digest)
    try move(to: 2, 0xA4, from: 1, after: updates[1].digest)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// - Parameter number: 0 for the base image.
  func digest(_ number: Int) -> Digest { number == 0 ? store.base.digest : updates[number - 1].digest }

  func position(_ number: Int) -> TargetHeader.Position {
    TargetHeader.Position(digest: digest(number), number: UpdateNumber(Int64(number)))
  }

  func target() throws -> FileImage { try FileImage(path: image, base: store.base) }

  /// Takes the file there.
  func move(to number: Int) throws {
    let applier = UpdateApplier(base: store.base)
    let file = try target()
    let steps = try store.steps(from: try applier.standing(of: file).position.digest, to: digest(number))
    _ = try applier.apply(steps, to: position(number), on: file)
  }

  /// Something else writes into the file.
  func overwrite(_ bytes: [UInt8], at offset: Int) throws {
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: image))
    try file.seek(toOffset: UInt64(offset))
    try file.write(contentsOf: bytes)
    try file.close()
  }

  func overwriteHeader(_ bytes: [UInt8]) throws { try overwrite(bytes, at: Self.headerOffset) }

  static func fileOffset(ofRoom index: UInt64) -> Int { Int(page + 64 * index) }

  // MARK: The image

  private static func base() -> BaseImage {
    let writable = range(arenaStart + 3 * page, 4 * page)
    let arena = Arena(
      code: range(arenaStart, 2 * page), constants: range(arenaStart + 2 * page, page), writable: writable,
      header: range(arenaStart + 3 * page, page), cells: range(arenaStart + 4 * page, page),
      flags: range(arenaStart + 5 * page, page), data: range(arenaStart + 6 * page, page), loaderTables: [],
      cursors: ArenaCursors(
        code: VirtualAddress(arenaStart), constants: VirtualAddress(arenaStart + 2 * page), cells: cell,
        data: VirtualAddress(arenaStart + 6 * page), flags: VirtualAddress(arenaStart + 5 * page), relocations: 0,
        dynamicSymbols: 0, unwindEntries: 0, dynamicStrings: 0, versionNeeds: 0, unwindBytes: 0))
    func segment(_ range: AddressRange, _ offset: UInt64, _ protection: PageProtection) -> Segment {
      Segment(
        range: range, fileOffset: FileOffset(offset), fileByteCount: range.byteCount, protection: protection,
        isPartOfArena: range.start >= arena.code.start)
    }
    let original = Digest.sha256(of: [1, 2, 3])
    return BaseImage(
      format: .elf, architecture: .x86_64, isPositionIndependent: true, identity: identity,
      digest: BaseDigest.digest(original: original, arena: arena), originalDigest: original,
      preparedDigest: Digest.sha256(of: [4]), originalPath: "small", preparedPath: "small.hot",
      originalByteCount: page, preparedByteCount: fileByteCount,
      segments: [
        segment(range(codeStart, page), 0, [.read, .execute]), segment(arena.code, page, [.read, .execute]),
        segment(arena.constants, 3 * page, .read), segment(writable, 4 * page, [.read, .write]),
      ], arena: arena, entryPoint: VirtualAddress(codeStart), switchesStacks: false)
  }

  /// ELF header and one PT_NOTE with the build-id (gABI; the note's name is `GNU`, its type 3), `work`, and the arena.
  private static func file(_ base: BaseImage) -> [UInt8] {
    var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
    func add(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value.littleEndian) { bytes += Array($0) } }
    add(UInt16(3))
    add(UInt16(62))
    add(UInt32(1))
    for value in [codeStart, 64, 0] { add(value) }
    add(UInt32(0))
    for value in [64, 56, 1, 64, 0, 0] as [UInt16] { add(value) }
    let noteOffset: UInt64 = 64 + 56
    add(UInt32(4))
    add(UInt32(4))
    for value in [noteOffset, codeStart + noteOffset, codeStart + noteOffset, 36, 36, 4] { add(value) }
    for value in [4, 20, 3] as [UInt32] { add(value) }
    bytes += [0x47, 0x4e, 0x55, 0] + identity
    bytes += [UInt8](repeating: 0, count: Int(fileByteCount) - bytes.count)
    bytes.replaceSubrange(0x200..<0x240, with: Self.bytes(0x90))
    let position = TargetHeader.Position(digest: base.digest, number: .base)
    let header = TargetHeader(base: base.digest, position: position).encoded()
    bytes.replaceSubrange(headerOffset..<headerOffset + header.count, with: header)
    return bytes
  }

  // MARK: Updates

  /// - Parameters:
  ///   - former: the room that `work` leaves; nil for its body in the base image.
  ///   - overwritten: the filling that stands in the new room, where it has been used.
  private func move(
    to index: UInt64, _ filling: UInt8, from former: UInt64? = nil, over overwritten: UInt8? = nil,
    after parent: Digest
  ) throws {
    let (cell, entry) = (Self.cell, Self.baseBody.start)
    func placement(_ index: UInt64) -> Placement {
      Placement(body: Self.room(index), capacity: 64, entry: entry, cell: cell)
    }
    let body = Self.room(index)
    var operations: [Journal.Operation] = [
      .write(
        WriteOperation(
          place: .virtual(body.start), before: Self.bytes(overwritten ?? 0), after: Self.bytes(filling),
          isFresh: overwritten == nil)),
      .pointer(
        PointerOperation(
          cell: cell, before: former.map { Self.room($0).start }, after: body.start,
          wordBefore: former.map { Self.room($0).start.rawValue } ?? 0, wordAfter: body.start.rawValue, records: [],
          isFresh: former == nil)),
    ]
    if former == nil {
      // jmp *cell(%rip)
      let distance = UInt32(truncatingIfNeeded: cell.rawValue &- entry.rawValue &- 6)
      let stub = [0xFF, 0x25] + (0..<4).map { UInt8(truncatingIfNeeded: distance >> (8 * $0)) }
      operations.append(
        .write(WriteOperation(place: .virtual(entry), before: [UInt8](repeating: 0x90, count: 6), after: stub)))
    }
    var cursors = store.base.arena.cursors
    cursors.code = Self.room(3).start
    cursors.cells = cell.displaced(by: 8)
    let before = former.map(placement) ?? Placement(body: Self.baseBody, capacity: 64, entry: entry)
    let change = AtomChange(
      atom: Self.work, atomKind: .function, change: .moved, before: before, after: placement(index),
      operations: Array(operations.indices))
    updates.append(
      try store.append(
        UpdateContent(
          time: Int64(updates.count), author: "test", message: "", operations: operations, atoms: [change], guards: [],
          cursors: cursors), parent: parent))
  }
}
