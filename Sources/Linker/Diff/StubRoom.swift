import Addressing

/// How many bytes at a function's entry are its own, the padding behind it included, and which stub fits there.
struct StubRoom {
  private let directory: AtomDirectory
  private let memory: PlacedMemory

  init(directory: AtomDirectory, memory: PlacedMemory) {
    self.directory = directory
    self.memory = memory
  }

  /// - Returns: no stub where there is too little room for any.
  func room(of known: KnownAtom) throws(LinkError) -> (byteCount: Int, stub: EntryStub?) {
    let body = known.placement.body
    let code = try memory.bytes(from: body.start, atMost: min(16, body.byteCount))
    var room = code.count
    if room < 16 { room += try padding(behind: body.end, atMost: 16 - room) }
    return (room, EntryStub.kind(for: code, room: room))
  }

  private func padding(behind end: VirtualAddress, atMost maximum: Int) throws(LinkError) -> Int {
    let padding = try memory.bytes(from: end, atMost: UInt64(maximum))
    guard !padding.isEmpty else { return 0 }
    let behind = AddressRange(start: end, byteCount: UInt64(padding.count))
    let next = try directory.baseSymbols(overlapping: behind).map(\.address).filter { $0 >= end }.min()
    let free = next.map { $0.rawValue - end.rawValue } ?? behind.byteCount
    return min(EntryStub.padding(in: padding), Int(free))
  }
}
