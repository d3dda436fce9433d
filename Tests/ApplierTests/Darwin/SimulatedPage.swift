import Addressing

/// One physical page. What was fetched of it as instructions stays in a processor's cache until it is told to forget it.
final class SimulatedPage {
  let bytes: UnsafeMutableRawBufferPointer
  /// Whether others than this mapping see the page: a file's page in the page cache. Written to, it is copied first.
  let isShared: Bool
  /// What an instruction fetch finds: nil until the page is first mapped executable.
  ///
  /// The kernel makes caches agree at that moment, and never again for the same page (osfmk/vm/vm_fault.c,
  /// vm_fault_enter_set_mapped: `vmp_xpmapped`).
  private(set) var fetched: [UInt8]?

  init(byteCount: Int, isShared: Bool) {
    bytes = .allocate(byteCount: byteCount, alignment: byteCount)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
    self.isShared = isShared
  }

  deinit { bytes.deallocate() }

  var contents: [UInt8] { Array(bytes) }

  func privateCopy() -> SimulatedPage {
    let copy = SimulatedPage(byteCount: bytes.count, isShared: false)
    copy.bytes.copyMemory(from: UnsafeRawBufferPointer(bytes))
    return copy
  }

  func mapExecutable() {
    if fetched == nil { fetched = contents }
  }

  func flush() {
    if fetched != nil { fetched = contents }
  }
}

/// A range of a simulated address space with one protection: XNU's vm_map_entry.
struct SimulatedEntry {
  var start: UInt64
  var end: UInt64
  var current: PageProtection
  var maximum: PageProtection
  var tag: UInt32 = 0
  /// The entries of a submap, at the task's addresses; nil where this is none.
  var nested: [SimulatedEntry]?

  func contains(_ address: UInt64) -> Bool { start <= address && address < end }
}
