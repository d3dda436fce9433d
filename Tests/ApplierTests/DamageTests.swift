import Foundation
import Journal
import Testing

@testable import Applier

/// A byte of a prepared image is another: the update is refused and nothing is written, or all that was asked for happens and the
/// byte is all that is wrong afterwards.
@Suite struct DamageTests {
  let applier = UpdateApplier(base: SmallImage.base())
  let updates = UpdateGenerator.chain(seed: 3, count: 4)

  private enum Outcome {
    case refused
    case harmless
  }

  private func apply(_ path: String, from start: Int, to end: Int) throws(ApplyError) -> ApplyReport {
    try applier.apply(
      updates.steps(from: start, to: end), to: updates.position(end),
      on: try FileImage(path: path, base: SmallImage.base()))
  }

  /// What becomes of a file that stands at update 2 and is taken to 4.
  private func outcome(_ bytes: [UInt8], _ label: String) throws -> Outcome {
    try TemporaryFile.with(bytes) { path in
      if let error = failure(of: { () throws(ApplyError) in try apply(path, from: 2, to: 4) }) {
        #expect(try TemporaryFile.bytes(path) == bytes, "\(label): \(error)")
        #expect(try TemporaryFile.names(besides: path) == ["image"], "\(label)")
        return .refused
      }
      let (found, wanted, was) = (try TemporaryFile.bytes(path), updates.file(at: 4), updates.file(at: 2))
      #expect(found.count == bytes.count, "\(label)")
      let wrong = found.indices.filter { $0 >= wanted.count || found[$0] != wanted[$0] }
      #expect(wrong.allSatisfy { $0 < bytes.count && bytes[$0] != was[$0] }, "\(label): \(wrong)")
      return .harmless
    }
  }

  private func count(_ indices: some Sequence<Int>) throws -> (refused: Int, harmless: Int) {
    let whole = updates.file(at: 2)
    var counts = (refused: 0, harmless: 0)
    for index in indices {
      for mask in [0x01, 0x80, 0xff] as [UInt8] {
        var bytes = whole
        bytes[index] ^= mask
        switch try outcome(bytes, "byte \(index) ^ \(mask)") {
        case .refused: counts.refused += 1
        case .harmless: counts.harmless += 1
        }
      }
    }
    return counts
  }

  @Test func `every changed byte of the header that init wrote is refused, but those of a number that is only a label`()
    throws
  {
    let start = SmallImage.layout.headerOffset
    let counts = try count(start..<start + TargetHeader.byteCount)
    // The number of the position, whose digest is what counts: changes that leave it one.
    #expect(counts.refused + counts.harmless == 3 * TargetHeader.byteCount)
    #expect(counts.harmless == 22)
  }

  @Test func `every changed byte that an update goes by is refused, and no other is lost`() throws {
    let (before, after) = (updates.file(at: 2), updates.file(at: 4))
    let header = SmallImage.layout.headerOffset..<SmallImage.layout.headerOffset + TargetHeader.byteCount
    let written = before.indices.filter { before[$0] != after[$0] && !header.contains($0) }
    #expect(written.count > 100)
    #expect(try count(written.enumerated().filter { $0.offset % 5 == 0 }.map(\.element)).harmless == 0)
    _ = try count(stride(from: 0, to: 0x800, by: 31))
  }

  @Test func `a file that is cut short is refused`() throws {
    let whole = updates.file(at: 2)
    let header = SmallImage.layout.headerOffset
    var lengths = Array(stride(from: 0, to: whole.count, by: 997)) + Array(header..<header + TargetHeader.byteCount)
    lengths.append(Int(SmallImage.fileByteCount) - 1)
    for length in lengths where length < Int(SmallImage.fileByteCount) {
      #expect(try outcome(Array(whole.prefix(length)), "cut to \(length)") == .refused, "cut to \(length)")
    }
  }
}
