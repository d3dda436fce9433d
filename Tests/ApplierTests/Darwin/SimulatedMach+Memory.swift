import Addressing

@testable import Applier

extension SimulatedMach {
  /// vm_map_copyin of at most this much goes by a kernel buffer: osfmk/ipc/ipc_init.c, msg_ool_size_small.
  static let kernelBufferByteCount = 0x8000

  func pageStart(_ address: UInt64) -> UInt64 { address & ~(pageByteCount - 1) }

  /// Whole pages that hold the range: osfmk/vm/vm_sanitize.c, vm_sanitize_addr_end rounds down and up.
  private func rounded(_ range: RuntimeRange) -> (start: UInt64, end: UInt64) {
    (pageStart(range.start.rawValue), pageStart(range.end.rawValue + pageByteCount - 1))
  }

  /// The entry that maps an address, submaps gone into.
  func leaf(at address: UInt64) -> SimulatedEntry? {
    guard let entry = entries.first(where: { $0.contains(address) }) else { return nil }
    guard let nested = entry.nested else { return entry }
    return nested.first { $0.contains(address) }
  }

  // MARK: Looking

  /// The entry that holds the address, or the next one; of a submap, an entry in it only where the depth allows:
  /// osfmk/vm/vm_map.c, vm_map_region_recurse_64.
  func nextRegion(_ task: TaskPort, at address: UInt64, depth: UInt32) throws(MachFailure) -> MachRegion? {
    try call("mach_vm_region_recurse")
    for entry in entries where entry.end > address {
      guard let nested = entry.nested, depth > 0 else { return region(entry, depth: 0) }
      if let found = nested.first(where: { $0.end > address }) { return region(found, depth: 1) }
    }
    return nil
  }

  private func region(_ entry: SimulatedEntry, depth: UInt32) -> MachRegion? {
    RuntimeRange(start: RuntimeAddress(rawValue: entry.start), byteCount: entry.end - entry.start).map {
      MachRegion(
        range: $0, depth: depth, protection: entry.current, maximum: entry.maximum, isSubmap: entry.nested != nil,
        tag: entry.tag)
    }
  }

  /// Readable from end to end, or nothing is read: osfmk/vm/vm_map.c, vm_map_copyin_internal.
  func read(_ task: TaskPort, at address: UInt64, count: Int) throws(MachFailure) -> [UInt8] {
    try call("mach_vm_read_overwrite")
    var next = address
    while next < address + UInt64(count) {
      guard let entry = leaf(at: next) else { throw .kernel("mach_vm_read_overwrite", .invalidAddress) }
      guard entry.current.contains(.read) else { throw .kernel("mach_vm_read_overwrite", .protectionFailure) }
      next = pageStart(next) + pageByteCount
    }
    return peek(address, count)
  }

  // MARK: Changing

  /// A small write is a copyout under the task's own protections, which stops at the first page that does not allow it and says
  /// KERN_INVALID_ADDRESS (vm_map_copyout_kernel_buffer); a larger one looks at all of it first (vm_map_copy_overwrite_nested).
  func write(_ task: TaskPort, _ bytes: [UInt8], at address: UInt64) throws(MachFailure) {
    try call("mach_vm_write") { () throws(MachFailure) in
      try self.copyOut(Array(bytes.prefix(bytes.count / 2)), at: address)
    }
    if bytes.count > Self.kernelBufferByteCount {
      var next = address
      while next < address + UInt64(bytes.count) {
        guard let entry = leaf(at: next) else { throw .kernel("mach_vm_write", .invalidAddress) }
        guard entry.current.contains(.write) else { throw .kernel("mach_vm_write", .protectionFailure) }
        next = pageStart(next) + pageByteCount
      }
    }
    try copyOut(bytes, at: address)
  }

  private func copyOut(_ bytes: [UInt8], at address: UInt64) throws(MachFailure) {
    for part in parts(of: address, bytes.count) {
      guard let entry = leaf(at: part.address), entry.current.contains(.write) else {
        throw .kernel("mach_vm_write", .invalidAddress)
      }
      poke(Array(bytes[part.range]), at: part.address)
    }
  }

  /// The parts of a range that lie in one page each: where, and which bytes.
  private func parts(of address: UInt64, _ count: Int) -> [(address: UInt64, range: Range<Int>)] {
    var result: [(address: UInt64, range: Range<Int>)] = []
    var done = 0
    while done < count {
      let next = address + UInt64(done)
      let end = min(count, done + Int(pageStart(next) + pageByteCount - next))
      result.append((next, done..<end))
      done = end
    }
    return result
  }

  /// A private mapping of a file's page is copied at the first write: osfmk/vm/vm_fault.c, vm_fault_page.
  private func writablePage(_ address: UInt64) -> SimulatedPage {
    let start = pageStart(address)
    let page = pages[start] ?? SimulatedPage(byteCount: Int(pageByteCount), isShared: false)
    guard page.isShared || pages[start] == nil else { return page }
    pages[start] = page.isShared ? page.privateCopy() : page
    onRemap?(start, start + pageByteCount)
    return pages[start] ?? page
  }

  /// osfmk/vm/vm_map.c, vm_map_protect.
  func protect(_ task: TaskPort, _ range: RuntimeRange, _ protection: MachProtection) throws(MachFailure) {
    try call("mach_vm_protect")
    let (start, end) = rounded(range)
    let wanted = protection.pages
    // Both "can't have both write and exec at the same time" there: on arm64 whatever the task is signed with.
    let isBoth = wanted.contains(.write) && wanted.contains(.execute)
    if protection.copies {
      if isBoth { throw .kernel("mach_vm_protect", .protectionFailure) }
      try checkForHoles(start, end)
      clip(start, end)
      // vm_map_remap with vmkf_remap_prot_copy: a private copy, to whose maximum writing is added.
      for index in entries.indices where isInside(entries[index], start, end) {
        entries[index].maximum.insert(.write)
        entries[index].nested = nil
      }
      for page in stride(from: start, to: end, by: Int(pageByteCount)) where pages[page]?.isShared == true {
        pages[page] = pages[page]?.privateCopy()
      }
    }
    try checkForHoles(start, end)
    clip(start, end)
    let touched = entries.indices.filter { isInside(entries[$0], start, end) }
    for index in touched where !wanted.isSubset(of: entries[index].maximum) {
      throw .kernel("mach_vm_protect", .protectionFailure)
    }
    if isBoth { throw .kernel("mach_vm_protect", .protectionFailure) }
    for index in touched {
      if protection.setsMaximum {
        entries[index].maximum = wanted
        entries[index].current.formIntersection(wanted)
      } else {
        entries[index].current = wanted
      }
    }
    onRemap?(start, end)
  }

  private func isInside(_ entry: SimulatedEntry, _ start: UInt64, _ end: UInt64) -> Bool {
    entry.start >= start && entry.end <= end
  }

  private func checkForHoles(_ start: UInt64, _ end: UInt64) throws(MachFailure) {
    var next = start
    while next < end {
      guard let entry = entries.first(where: { $0.contains(next) }) else {
        throw .kernel("mach_vm_protect", .invalidAddress)
      }
      next = entry.end
    }
  }

  /// Entries are cut where a range begins and ends: vm_map_clip_start, vm_map_clip_end. A submap's mapping is unnested.
  private func clip(_ start: UInt64, _ end: UInt64) {
    for place in [start, end] {
      guard let index = entries.firstIndex(where: { $0.contains(place) && $0.start != place }) else { continue }
      var rest = entries[index]
      rest.start = place
      rest.nested = rest.nested?.filter { $0.end > place }
      entries[index].end = place
      entries[index].nested = entries[index].nested?.filter { $0.start < place }
      entries.insert(rest, at: index + 1)
    }
  }

  /// Without VM_FLAGS_OVERWRITE nothing may be there: osfmk/vm/vm_map.c, vm_map_enter. What is given is zeroed, readable and
  /// writable, and may become executable (osfmk/vm/vm_user.c, mach_vm_allocate: VM_PROT_DEFAULT, VM_PROT_ALL).
  func allocate(_ task: TaskPort, _ range: RuntimeRange) throws(MachFailure) {
    try call("mach_vm_allocate")
    let (start, end) = rounded(range)
    if entries.contains(where: { $0.start < end && start < $0.end }) { throw .kernel("mach_vm_allocate", .noSpace) }
    add(SimulatedEntry(start: start, end: end, current: [.read, .write], maximum: [.read, .write, .execute]))
  }

  func deallocate(_ task: TaskPort, _ range: RuntimeRange) throws(MachFailure) {
    try call("mach_vm_deallocate")
    let (start, end) = rounded(range)
    clip(start, end)
    entries.removeAll { isInside($0, start, end) }
    for page in stride(from: start, to: end, by: Int(pageByteCount)) { pages[page] = nil }
    onRemap?(start, end)
  }

  /// osfmk/vm/vm_map.c, vm_map_machine_attribute with MATTR_VAL_CACHE_FLUSH.
  func flush(_ task: TaskPort, _ range: RuntimeRange) throws(MachFailure) {
    try call("mach_vm_machine_attribute")
    let (start, end) = rounded(range)
    for page in stride(from: start, to: end, by: Int(pageByteCount)) { pages[page]?.flush() }
    onFlush?(start, end)
  }

  // MARK: The program's own view

  func add(_ entry: SimulatedEntry, contents: [UInt8] = [], isShared: Bool = false) {
    entries.append(entry)
    entries.sort { $0.start < $1.start }
    guard entry.nested == nil || !contents.isEmpty else { return }
    for start in stride(from: entry.start, to: entry.end, by: Int(pageByteCount)) {
      let page = SimulatedPage(byteCount: Int(pageByteCount), isShared: isShared)
      let offset = Int(start - entry.start)
      page.bytes.copyBytes(from: contents.dropFirst(offset).prefix(Int(pageByteCount)))
      pages[start] = page
    }
    onRemap?(entry.start, entry.end)
  }

  /// Whatever the protections.
  func peek(_ address: UInt64, _ count: Int) -> [UInt8] {
    parts(of: address, count).flatMap { part -> [UInt8] in
      let offset = Int(part.address - pageStart(part.address))
      guard let page = pages[pageStart(part.address)] else { return [UInt8](repeating: 0, count: part.range.count) }
      return Array(UnsafeRawBufferPointer(rebasing: page.bytes[offset..<offset + part.range.count]))
    }
  }

  /// As the program's own store: what it has mapped private becomes its own.
  func poke(_ bytes: [UInt8], at address: UInt64) {
    for part in parts(of: address, bytes.count) {
      let offset = Int(part.address - pageStart(part.address))
      let room = writablePage(part.address).bytes[offset..<offset + part.range.count]
      UnsafeMutableRawBufferPointer(rebasing: room).copyBytes(from: bytes[part.range])
    }
  }
}
