import Addressing
import Foundation
import Journal
import ObjectFile

@testable import Applier

/// A Mach-O image as the kernel maps it and the dynamic loader fixes it up, at any slide, in a simulated task.
struct EmulatedProgram {
  let file: MachOFile
  let bytes: [UInt8]

  struct Odd: Error { var what: String }

  init(_ path: String) throws {
    bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    file = try MachOFile(MappedFile(bytes: bytes, name: path))
  }

  func address(_ symbol: String) throws -> VirtualAddress {
    guard let table = try file.symbolTable(),
      let found = table.first(where: { $0.isDefined && !$0.isDebugging && table.nameMatches($0, symbol) })
    else { throw Odd(what: symbol) }
    return VirtualAddress(found.value)
  }

  /// Mapped segments: what `__PAGEZERO` keeps free is none.
  var segments: [MachOSegment] { file.segments.filter { $0.protection != [] && $0.memoryByteCount > 0 } }

  /// - Parameter libraries: those that the loader has loaded, and where.
  func started(
    slide: UInt64, libraries: [(image: EmulatedProgram, start: UInt64)] = []
  ) throws -> SimulatedMach {
    let mach = SimulatedMach(architecture: file.header.machine == .arm64 ? .arm64 : .x86_64)
    mach.add(
      SimulatedEntry(
        start: SimulatedMach.stack.start, end: SimulatedMach.stack.end, current: [.read, .write],
        maximum: [.read, .write, .execute], tag: MachRegion.stackTag))
    mach.threads = [.init(number: 0x5a17, name: "main", programCounter: Emulator.end)]
    if !libraries.isEmpty { try mach.load(libraries) }
    try map(into: mach, slide: slide, libraries: libraries)
    return mach
  }

  func map(
    into mach: SimulatedMach, slide: UInt64, libraries: [(image: EmulatedProgram, start: UInt64)] = []
  ) throws {
    for segment in segments {
      let start = Int(segment.fileOffset.rawValue)
      let contents = Array(bytes[start..<start + Int(segment.fileByteCount)])
      // Whole pages, zeroed behind the file's bytes; a page that the program may write is its own from the first store on.
      mach.add(
        SimulatedEntry(
          start: segment.address.rawValue &+ slide,
          end: mach.pageStart(segment.range.end.rawValue &+ slide + mach.pageByteCount - 1),
          current: segment.protection, maximum: segment.maximumProtection),
        contents: contents, isShared: !segment.protection.contains(.write))
    }
    try fixUp(mach, slide)
    try bind(mach, slide, libraries)
    // The dynamic loader closes these once it is done.
    for index in mach.entries.indices {
      let isConstant = segments.contains {
        $0.flags.contains(.readOnlyAfterFixups) && $0.address.rawValue &+ slide == mach.entries[index].start
      }
      if isConstant { mach.entries[index].current = .read }
    }
  }

  /// What dyld does: rebase opcodes, or chained fixups.
  private func fixUp(_ mach: SimulatedMach, _ slide: UInt64) throws {
    let places = file.segmentPlaces
    for place in try file.rebases().map(Array.init) ?? [] {
      guard let address = places.address(of: place) else { throw Odd(what: "a rebased word") }
      let cell = address.rawValue &+ slide
      mach.poke((UInt64(littleEndianBytes: mach.peek(cell, 8)) &+ slide).bytes, at: cell)
    }
    guard let chained = try file.chainedFixups() else { return }
    for fixup in try chained.fixups(in: file.view, places: places) {
      guard let address = places.address(of: fixup.place) else { throw Odd(what: "a chained word") }
      guard case .rebase(let target) = fixup.value else { continue }
      mach.poke((target.rawValue &+ slide).bytes, at: address.rawValue &+ slide)
    }
  }

  /// What no library has stays unbound.
  private func bind(
    _ mach: SimulatedMach, _ slide: UInt64, _ libraries: [(image: EmulatedProgram, start: UInt64)]
  ) throws {
    for (cell, target) in try MachOBoundWords(file).words {
      let places = libraries.compactMap { library in
        (try? library.image.address(target.symbol)).map { $0.rawValue &+ library.start }
      }
      if let place = places.first {
        mach.poke((place &+ UInt64(bitPattern: target.addend)).bytes, at: cell.rawValue &+ slide)
      }
    }
  }
}

extension SimulatedMach {
  /// Where the dynamic loader has its list.
  static let loaderList: UInt64 = 0x7f_7800_0000

  /// Maps libraries, and makes dyld_all_image_infos with its list of dyld_image_info behind it (mach-o/dyld_images.h).
  func load(_ libraries: [(image: EmulatedProgram, start: UInt64)]) throws {
    for (image, start) in libraries { try image.map(into: self, slide: start) }
    let infos = Self.loaderList
    add(SimulatedEntry(start: infos, end: infos + 0x4000, current: [.read, .write], maximum: [.read, .write]))
    let list = infos + 0x1000
    poke(UInt32(17).bytes + UInt32(libraries.count).bytes + list.bytes, at: infos)
    poke(libraries.flatMap { $0.start.bytes + UInt64(0).bytes + UInt64(0).bytes }, at: list)
    loader = RuntimeRange(start: RuntimeAddress(rawValue: infos), byteCount: 0x170)
  }
}
