import Addressing
import Journal

@testable import Applier

extension SimulatedMach {
  static let layout = SmallLayout.machO
  static let file = layout.file()

  /// A process of the small image, with a thread that stands in code which no update touches, and what a Mac has beside it: a
  /// stack, and the shared region's submap.
  static func small(
    file: [UInt8] = file, isPrepared: Bool = true, slide: UInt64 = 0x1_0480_0000
  ) -> SimulatedMach {
    let mach = SimulatedMach(pageByteCount: layout.page)
    for segment in layout.segments where isPrepared || !segment.isPartOfArena {
      let start = Int(segment.fileOffset.rawValue)
      let address = segment.range.start.rawValue &+ slide
      // The kernel maps an image's segments with the maxprot that its linker gave them: on arm64 the same as initprot, but for
      // __DATA_CONST, which the dynamic loader closes (bsd/kern/mach_loader.c, load_segment).
      let maximum: PageProtection =
        segment.range.start == layout.constants.start ? [.read, .write] : segment.protection
      mach.add(
        SimulatedEntry(
          start: address, end: address + segment.range.byteCount, current: segment.protection, maximum: maximum),
        contents: Array(file[start..<start + Int(segment.fileByteCount)]), isShared: true)
    }
    mach.add(
      SimulatedEntry(
        start: stack.start, end: stack.end, current: [.read, .write], maximum: [.read, .write, .execute],
        tag: MachRegion.stackTag))
    let library = SimulatedEntry(
      start: shared.start + 0x4000, end: shared.start + 0x8000, current: [.read, .execute], maximum: [.read, .execute])
    mach.add(
      SimulatedEntry(
        start: shared.start, end: shared.end, current: [.read], maximum: [.read], nested: [library]),
      contents: [UInt8](repeating: 0xd6, count: 0x8000), isShared: true)
    mach.threads = [
      Thread(
        number: 0x5a17, name: "main", programCounter: layout.code.start.rawValue &+ slide + layout.page + 0x1000,
        stackPointer: stack.end - 0x100)
    ]
    return mach
  }

  static let stack = (start: UInt64(0x1_6f00_0000), end: UInt64(0x1_6f01_0000))
  static let shared = (start: UInt64(0x1_8000_0000), end: UInt64(0x1_8001_0000))

  func task(base: BaseImage = layout.base()) throws(ApplyError) -> DarwinTask {
    try DarwinTask(attachingTo: Self.processNumber, base: base, self)
  }

  /// What each page may be and become.
  var protections: [UInt64: [PageProtection]] {
    var result: [UInt64: [PageProtection]] = [:]
    for entry in entries.flatMap({ $0.nested ?? [$0] }) {
      for page in stride(from: entry.start, to: entry.end, by: Int(pageByteCount)) {
        result[page] = [entry.current, entry.maximum]
      }
    }
    return result
  }

  /// The contents of each page but the header's.
  func contents(besides header: AddressRange, slide: Slide) -> [UInt64: [UInt8]] {
    pages.filter { $0.key != RuntimeAddress(header.start, slide: slide).rawValue }.mapValues(\.contents)
  }
}
