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
  func room(of known: KnownAtom) throws(LinkError) -> (byteCount: Int, stub: (any EntryStub)?) {
    let body = known.placement.body
    let wanted = max(16, memory.machine.longestStubByteCount)
    let code = try memory.bytes(from: body.start, atMost: min(UInt64(wanted), body.byteCount))
    var room = code.count
    if room < wanted { room += try padding(behind: body.end, atMost: wanted - room) }
    let stub = memory.machine.stub(for: code, room: room, at: body.start, islands: directory.base.arena.code)
    return (room, stub)
  }

  private func padding(behind end: VirtualAddress, atMost maximum: Int) throws(LinkError) -> Int {
    let padding = try memory.bytes(from: end, atMost: UInt64(maximum))
    guard !padding.isEmpty else { return 0 }
    let behind = AddressRange(start: end, byteCount: UInt64(padding.count))
    let next = try directory.baseSymbols(overlapping: behind).map(\.address).filter { $0 >= end }.min()
    let free = next.map { $0.rawValue - end.rawValue } ?? behind.byteCount
    return min(memory.machine.padding(in: padding), Int(free))
  }
}
