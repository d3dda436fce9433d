import Addressing
import Journal
import ObjectFile

/// The image's covered bytes at the parent update, as a linker needs them: with the meaning of pointers.
final class PlacedMemory {
  private let store: JournalStore
  private let parent: Digest
  let machine: any Machine
  let isPositionIndependent: Bool
  /// Whether the sizes of the base image's atoms are only told by where the next one begins.
  let hasDerivedSizes: Bool
  /// Nil where functions cannot be given unwind information.
  let unwindRoom: UnwindRoom?
  private let segments: [Segment]
  private var pointers: any BasePointers
  private static let windowByteCount: UInt64 = 4096
  private var windows: [VirtualAddress: [UInt8]] = [:]

  init(store: JournalStore, parent: Digest, tables: ImageTables) {
    self.store = store
    self.parent = parent
    machine = store.base.machine
    isPositionIndependent = store.base.isPositionIndependent
    hasDerivedSizes = store.base.format == .machO
    unwindRoom = tables.unwindRoom
    segments = store.base.segments
    pointers = tables.basePointers(store)
  }

  /// What an 8-byte word in memory stands for, slide aside.
  enum Pointer: Hashable {
    case null
    case address(VirtualAddress)
    case imported(ImportedSymbol)
    /// No relocation: in an image that slides, a number.
    case number(UInt64)
  }

  func bytes(_ range: AddressRange) throws(LinkError) -> [UInt8] {
    guard let window = window(around: range) else { return try read(range) }
    let known: [UInt8]
    if let bytes = windows[window.start] { known = bytes } else { known = try read(window) }
    windows[window.start] = known
    let start = Int(range.start.rawValue - window.start.rawValue)
    return Array(known[start..<start + Int(range.byteCount)])
  }

  /// What an object's functions are compared with stands together in the image, and a look-up for each would cost more than the
  /// bytes. Not in the arena: there a window may hold many updates' writes, each of which would be read.
  private func window(around range: AddressRange) -> AddressRange? {
    guard let segment = segments.first(where: { $0.range.contains(range) }), !segment.isPartOfArena,
      range.byteCount <= Self.windowByteCount
    else { return nil }
    let offset = range.start.rawValue - segment.range.start.rawValue
    let start = offset - offset % Self.windowByteCount
    let count = min(Self.windowByteCount, segment.range.byteCount - start)
    guard offset + range.byteCount <= start + count else { return nil }
    return AddressRange(
      validating: VirtualAddress(segment.range.start.rawValue + start), byteCount: count)
  }

  private func read(_ range: AddressRange) throws(LinkError) -> [UInt8] {
    try fromJournal { () throws(JournalError) in try store.bytes(range, at: parent) }
  }

  func baseFileBytes(at offset: UInt64, count: Int) throws(LinkError) -> [UInt8] {
    try fromJournal { () throws(JournalError) in try store.baseFileBytes(at: FileOffset(offset), count: count) }
  }

  /// Up to `maximum` bytes, less where the segment ends; none outside of all segments.
  func bytes(from start: VirtualAddress, atMost maximum: UInt64) throws(LinkError) -> [UInt8] {
    guard let segment = segments.first(where: { $0.range.contains(start) }) else { return [] }
    let byteCount = min(maximum, segment.range.end.rawValue - start.rawValue)
    return try bytes(AddressRange(start: start, byteCount: byteCount))
  }

  /// Whether neither the program nor the loader writes there, as far as the segment tells.
  func isConstant(_ address: VirtualAddress) -> Bool {
    segments.first { $0.range.contains(address) }.map { !$0.protection.contains(.write) } ?? false
  }

  func isInArena(_ address: VirtualAddress) -> Bool {
    segments.first { $0.range.contains(address) }?.isPartOfArena ?? false
  }

  /// The word at `cell` in the file of the parent update.
  func word(at cell: VirtualAddress) throws(LinkError) -> UInt64 {
    // What lies behind the end of a segment reads as zero.
    let bytes = try bytes(from: cell, atMost: 8)
    return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  func pointer(at cell: VirtualAddress) throws(LinkError) -> Pointer {
    switch try newestOperation(on: cell) {
    case .pointer(let pointer)? where pointer.cell == cell: return pointer.after.map(Pointer.address) ?? .null
    case .bind(let bind)? where bind.cell == cell: return bind.after.map(Pointer.imported) ?? .null
    default: break
    }
    if let slot = try baseImport(slot: cell) {
      // The image's own copy of a library's variable stands for it everywhere.
      if slot.kind == .word, let copy = try copy(named: slot.symbol.name) {
        return .address(copy.displaced(by: slot.symbol.addend))
      }
      return .imported(slot.symbol)
    }
    guard isPositionIndependent else { return try plain(word(at: cell)) }
    guard let target = try pointers.target(at: cell) else { return .number(try word(at: cell)) }
    return .address(target)
  }

  private func plain(_ word: UInt64) -> Pointer { word == 0 ? .null : .address(VirtualAddress(word)) }

  /// The newest pointer operation on the cell, on the way to the parent update.
  func pointerOperation(at cell: VirtualAddress) throws(LinkError) -> PointerOperation? {
    guard case .pointer(let pointer)? = try newestOperation(on: cell), pointer.cell == cell else { return nil }
    return pointer
  }

  private func newestOperation(on cell: VirtualAddress) throws(LinkError) -> Operation? {
    guard let range = AddressRange(validating: cell, byteCount: 8) else { return nil }
    let writes = try fromJournal { () throws(JournalError) in try store.writes(overlapping: range, at: parent) }
    return writes.last?.operation
  }

  private func copy(named name: String) throws(LinkError) -> VirtualAddress? {
    try fromJournal { () throws(JournalError) in try store.baseImports(named: name) }.first { $0.kind == .copy }?.slot
  }

  private func baseImport(slot: VirtualAddress) throws(LinkError) -> BaseImport? {
    try fromJournal { () throws(JournalError) in try store.baseImport(slot: slot) }
  }

  /// The slot through which a call stub at `address` jumps.
  func slot(ofStubAt address: VirtualAddress) throws(LinkError) -> VirtualAddress? {
    machine.cell(ofCallStub: try bytes(from: address, atMost: 32), at: address)
  }

  /// Where a branch to `address` goes: on to the target of the veneer that stands there, if one does.
  func destination(ofBranchTo address: VirtualAddress) throws(LinkError) -> VirtualAddress {
    guard machine.branchReach != nil else { return address }
    return machine.target(ofVeneer: try bytes(from: address, atMost: 16), at: address) ?? address
  }
}

extension PlacedMemory.Pointer {
  /// Whether a loader writes the word, so that a task holds other bytes there than the file.
  func isRelocated(_ base: BaseImage) -> Bool {
    switch self {
    case .imported: true
    case .address: base.isPositionIndependent
    case .null, .number: false
    }
  }
}
