import Addressing
import Journal
import ObjectFile

@testable import Applier

/// The update between two images that a compiler wrote one over the other, as far as a task is concerned: words of its pointer
/// sections that differ as pointers, all else that is mapped as bytes, guarded where it is code. Data of the program, and what
/// only names the image (its header, `__LINKEDIT`), are left alone.
struct ImageDifference {
  let before: EmulatedProgram
  let after: EmulatedProgram

  func update(_ number: Int64, on parent: Digest) throws -> Update {
    var operations: [Journal.Operation] = []
    var pointers: [Journal.Operation] = []
    var guards: [Guard] = []
    for segment in after.segments where !["__LINKEDIT", "__DATA", "__DATA1"].contains(segment.name) {
      guard let old = before.segments.first(where: { $0.address == segment.address }) else {
        throw EmulatedProgram.Odd(what: "a new segment \(segment.name)")
      }
      let pair = (contents(before, old), contents(after, segment))
      if segment.name == "__DATA_CONST" {
        pointers += cells(segment.address, pair.0, pair.1)
        continue
      }
      // The image's header and load commands come before its first section; Zig's `__TEXT` has nothing else.
      let sections = after.file.sections[segment.sectionIndexes]
      guard let first = sections.map({ $0.address.rawValue - segment.address.rawValue }).min() else { continue }
      for run in runs(pair.0, pair.1) where run.lowerBound >= Int(first) {
        let place = segment.address.displaced(by: Int64(run.lowerBound))
        operations.append(
          .write(
            WriteOperation(place: .virtual(place), before: Array(pair.0[run]), after: Array(pair.1[run]))))
        guard segment.protection.contains(.execute) else { continue }
        guards.append(
          Guard(
            range: AddressRange(start: place, byteCount: UInt64(run.count)), reach: .whole, reason: .overwritten,
            direction: .both, function: try function(at: place)))
      }
    }
    return Update(
      number: UpdateNumber(number), digest: SmallImage.digest(0x2100 + UInt64(number)), parent: parent,
      content: UpdateContent(
        time: 0, author: "", message: "", operations: operations + pointers, atoms: [], guards: guards,
        cursors: before.base.arena.cursors))
  }

  private func contents(_ program: EmulatedProgram, _ segment: MachOSegment) -> [UInt8] {
    let start = Int(segment.fileOffset.rawValue)
    return Array(program.bytes[start..<start + Int(segment.fileByteCount)])
  }

  private func cells(_ start: VirtualAddress, _ old: [UInt8], _ new: [UInt8]) -> [Journal.Operation] {
    stride(from: 0, to: min(old.count, new.count) - 7, by: 8).compactMap { offset in
      let words = (
        UInt64(littleEndianBytes: old[offset..<offset + 8]), UInt64(littleEndianBytes: new[offset..<offset + 8])
      )
      guard words.0 != words.1 else { return nil }
      return .pointer(
        PointerOperation(
          cell: start.displaced(by: Int64(offset)), before: words.0 == 0 ? nil : VirtualAddress(words.0),
          after: words.1 == 0 ? nil : VirtualAddress(words.1), wordBefore: words.0, wordAfter: words.1, records: []))
    }
  }

  /// Whole instructions; two runs with less than eight equal ones between them are one.
  private func runs(_ old: [UInt8], _ new: [UInt8]) -> [Range<Int>] {
    var result: [Range<Int>] = []
    for offset in stride(from: 0, to: min(old.count, new.count) - 3, by: 4)
    where old[offset..<offset + 4] != new[offset..<offset + 4] {
      if let last = result.last, offset - last.upperBound < 32 {
        result[result.count - 1] = last.lowerBound..<offset + 4
      } else {
        result.append(offset..<offset + 4)
      }
    }
    return result
  }

  private func function(at address: VirtualAddress) throws -> String {
    guard let table = try after.file.symbolTable() else { return "?" }
    let below = table.filter { $0.isDefined && !$0.isDebugging && $0.value <= address.rawValue }
    guard let nearest = below.max(by: { $0.value < $1.value }) else { return "?" }
    return try table.name(of: nearest)
  }
}
