import Addressing
import Foundation
import Journal
import ObjectFile

@testable import Applier

/// A Mach-O image as the kernel maps it and the dynamic loader fixes it up, at any slide, in a simulated task.
struct EmulatedProgram {
  let file: MachOFile
  let bytes: [UInt8]
  let base: BaseImage

  struct Odd: Error { var what: String }

  init(_ path: String) throws {
    bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    file = try MachOFile(MappedFile(bytes: bytes, name: path))
    base = try Self.base(file)
  }

  func address(_ symbol: String) throws -> VirtualAddress {
    guard let table = try file.symbolTable(),
      let found = table.first(where: { $0.isDefined && !$0.isDebugging && table.nameMatches($0, symbol) })
    else { throw Odd(what: symbol) }
    return VirtualAddress(found.value)
  }

  /// Mapped segments: what `__PAGEZERO` keeps free is none.
  var segments: [MachOSegment] { file.segments.filter { $0.protection != [] && $0.memoryByteCount > 0 } }

  func started(slide: UInt64) throws -> SimulatedMach {
    let mach = SimulatedMach()
    mach.add(
      SimulatedEntry(
        start: SimulatedMach.stack.start, end: SimulatedMach.stack.end, current: [.read, .write],
        maximum: [.read, .write, .execute], tag: MachRegion.stackTag))
    mach.threads = [.init(number: 0x5a17, name: "main", programCounter: Emulator.end)]
    try map(into: mach, slide: slide)
    return mach
  }

  func map(into mach: SimulatedMach, slide: UInt64) throws {
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
    // The dynamic loader closes these once it is done.
    for index in mach.entries.indices {
      let isConstant = segments.contains {
        $0.flags.contains(.readOnlyAfterFixups) && $0.address.rawValue &+ slide == mach.entries[index].start
      }
      if isConstant { mach.entries[index].current = .read }
    }
  }

  /// What dyld does: rebase opcodes, or chained fixups. Imports stay unbound.
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

  /// Update 0, nothing prepared: only the header page is mapped beside it.
  private static func base(_ file: MachOFile) throws -> BaseImage {
    let mapped = file.segments.filter { $0.protection != [] && $0.memoryByteCount > 0 }
    guard let last = mapped.map(\.range.end).max(), let room = last.alignedUp(to: 0x400_0000) else {
      throw Odd(what: "no segments")
    }
    let page = AddressRange(start: room, byteCount: 0x4000)
    let none = AddressRange(start: room, byteCount: 0)
    let cursors = ArenaCursors(
      code: room, constants: room, cells: room, data: room, flags: room, relocations: 0, dynamicSymbols: 0,
      unwindEntries: 0, dynamicStrings: 0, versionNeeds: 0, unwindBytes: 0)
    let digest = Digest.sha256(of: file.view.allBytes)
    return BaseImage(
      format: .machO, architecture: .arm64, isPositionIndependent: true, identity: file.uuid ?? [], digest: digest,
      originalDigest: digest, preparedDigest: digest, originalPath: file.name, preparedPath: file.name,
      originalByteCount: UInt64(file.view.count), preparedByteCount: UInt64(file.view.count),
      segments: mapped.map {
        Segment(
          range: $0.range, fileOffset: $0.fileOffset, fileByteCount: $0.fileByteCount, protection: $0.protection,
          isPartOfArena: false)
      },
      arena: Arena(
        code: none, constants: none, writable: page, header: page, cells: none, flags: none, data: none,
        loaderTables: [], cursors: cursors),
      entryPoint: mapped[0].range.start, switchesStacks: false)
  }
}
