public import Addressing
import GRDB

/// An operation that wrote into a range, as it was found by address.
public struct RangeWrite: Hashable, Sendable {
  public var update: UpdateNumber
  /// Index into the update's operations.
  public var index: Int
  public var operation: Operation
}

extension JournalStore {
  /// What the image file (of an observed image: a task that followed) holds at these virtual addresses at an update: the base's bytes under the writes on the way
  /// there. Of a pointer's or a bound cell's word that is what the file has, to be relocated when it is loaded; edits
  /// of the loader's tables are in no memory and are not seen.
  public func bytes(_ range: AddressRange, at digest: Digest) throws(JournalError) -> [UInt8] {
    try lookUp { db in
      let lineage = try lineage(of: digest, in: db)
      var bytes = try baseBytes(range, in: db)
      let hits = try SpanTable(db: db).hits(.memory, from: range.start.rawValue, to: range.end.rawValue, on: lineage)
      for hit in hits {
        overlay(try after(hit, in: db), at: hit.start, onto: &bytes, from: range.start.rawValue)
      }
      return bytes
    }
  }

  /// What the image file holds at an update, in any part of it.
  public func fileBytes(_ offset: FileOffset, count: Int, at digest: Digest) throws(JournalError) -> [UInt8] {
    try lookUp { db in
      let lineage = try lineage(of: digest, in: db)
      guard count >= 0, count <= UpdateCoding.maximumByteStringCount, let end = offset.advanced(by: UInt64(count)),
        end.rawValue <= (try fileByteCount(at: lineage, in: db))
      else { throw JournalError(.outsideImage, offset: offset, detail: "the file ends before") }
      let inBase = Int(clamping: base.preparedByteCount - min(base.preparedByteCount, offset.rawValue))
      var bytes = try baseFileBytes(
        at: inBase == 0 ? FileOffset(0) : offset, count: min(count, inBase), in: db)
      bytes += [UInt8](repeating: 0, count: count - bytes.count)
      let spans = SpanTable(db: db)
      var hits = try spans.hits(.file, from: offset.rawValue, to: end.rawValue, on: lineage).map { ($0, $0.start) }
      // Where an observed image's file holds what is mapped changes; its updates' own spans tell.
      for segment in base.segments where base.isPrepared {
        hits += try mappedHits(in: segment, from: offset.rawValue, to: end.rawValue, on: lineage, spans)
      }
      hits.sort { ($0.0.number, $0.0.operation, $0.0.part) < ($1.0.number, $1.0.operation, $1.0.part) }
      for (hit, start) in hits {
        overlay(try after(hit, in: db), at: start, onto: &bytes, from: offset.rawValue)
      }
      return bytes
    }
  }

  /// How long the image file is at an update.
  public func fileByteCount(at digest: Digest) throws(JournalError) -> UInt64 {
    try lookUp { try fileByteCount(at: try lineage(of: digest, in: $0), in: $0) }
  }

  /// The newest operation on each range that overlaps this one, on the way to an update; in the order written.
  public func writes(overlapping range: AddressRange, at digest: Digest) throws(JournalError) -> [RangeWrite] {
    try lookUp { db in
      let lineage = try lineage(of: digest, in: db)
      let hits = try SpanTable(db: db).hits(.memory, from: range.start.rawValue, to: range.end.rawValue, on: lineage)
      return try hits.map { hit in
        RangeWrite(
          update: UpdateNumber(hit.number), index: hit.operation, operation: try operation(hit, in: db))
      }
    }
  }

  private func fileByteCount(at lineage: Lineage, in db: Database) throws -> UInt64 {
    guard let hit = try SpanTable(db: db).lengthHit(on: lineage) else { return base.preparedByteCount }
    guard case .resize(let resize) = try operation(hit, in: db) else { throw inconsistency(hit) }
    return resize.after
  }

  /// Writes to memory that a segment maps from this part of the file, with the file offset of each.
  private func mappedHits(
    in segment: Segment, from start: UInt64, to end: UInt64, on lineage: Lineage, _ spans: SpanTable
  ) throws -> [(SpanTable.Hit, UInt64)] {
    let fileStart = segment.fileOffset.rawValue
    let first = max(start, fileStart)
    let last = min(end, fileStart &+ segment.fileByteCount)
    guard first < last else { return [] }
    let address = segment.range.start.rawValue
    return try spans.hits(
      .memory, from: address + (first - fileStart), to: address + (last - fileStart), on: lineage
    ).map { ($0, $0.start &- address &+ fileStart) }
  }

  private func operation(_ hit: SpanTable.Hit, in db: Database) throws -> Operation {
    let operations = try update(hit.number, in: db).content.operations
    guard operations.indices.contains(hit.operation) else { throw inconsistency(hit) }
    return operations[hit.operation]
  }

  private func after(_ hit: SpanTable.Hit, in db: Database) throws -> [UInt8] {
    let spans = try Span.of(try operation(hit, in: db), try update(hit.number, in: db).content.observation)
    guard spans.indices.contains(hit.part), let span = spans[hit.part], span.start == hit.start,
      span.byteCount == hit.byteCount
    else { throw inconsistency(hit) }
    return span.after
  }

  private func inconsistency(_ hit: SpanTable.Hit) -> JournalError {
    JournalError(
      .damaged, update: UpdateNumber(hit.number), operation: hit.operation,
      detail: "the index of writes contradicts the update")
  }

  private func overlay(_ source: [UInt8], at start: UInt64, onto bytes: inout [UInt8], from origin: UInt64) {
    // Both may begin first; wrapping differences of overlapping ranges are small either way.
    let shift = Int(Int64(bitPattern: start &- origin))
    let lower = max(0, shift)
    let upper = min(bytes.count, shift + source.count)
    if lower < upper { bytes.replaceSubrange(lower..<upper, with: source[lower - shift..<upper - shift]) }
  }
}
