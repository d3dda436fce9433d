import Addressing
import Journal

extension PlanBuilder {
  /// The position of a place in the target's space of bytes; nil where the target passes it over.
  func position(of place: WriteOperation.Place, count: Int) throws(ApplyError) -> UInt64? {
    switch place {
    case .file(let offset):
      guard nature == .file else { return nil }
      return try checked(offset, count)
    case .virtual(let address):
      guard let range = AddressRange(validating: address, byteCount: UInt64(count)) else {
        throw ApplyError(.addressNotInImage, address: address)
      }
      guard base.isPrepared else { return try observedPosition(of: range) }
      guard let segment = base.segments.first(where: { $0.range.contains(range) })
      else { throw ApplyError(.addressNotInImage, address: address) }
      guard !range.overlaps(base.arena.header) else {
        throw ApplyError(.operationsConflict, address: address, detail: "the header page belongs to no operation")
      }
      guard nature == .file else { return address.rawValue }
      guard range.end.rawValue - segment.range.start.rawValue <= segment.fileByteCount,
        let offset = segment.fileOffset.advanced(by: address.rawValue - segment.range.start.rawValue)
      else { throw ApplyError(.addressNotInImage, address: address, detail: "the file holds no bytes for it") }
      return try checked(offset, count)
    }
  }

  /// What another linker rewrites has no segments that last: the update says what its file holds where, and a task has
  /// its memory mapped first.
  private func observedPosition(of range: AddressRange) throws(ApplyError) -> UInt64? {
    guard !range.overlaps(base.arena.header) else {
      throw ApplyError(.operationsConflict, address: range.start, detail: "the header page belongs to no operation")
    }
    guard nature == .file else { return range.start.rawValue }
    guard let offset = observation?.fileOffset(of: range) else { return nil }
    return try checked(offset, Int(clamping: range.byteCount))
  }

  func checked(_ offset: FileOffset, _ count: Int) throws(ApplyError) -> UInt64 {
    guard let end = offset.advanced(by: UInt64(count)), end.rawValue <= UInt64(Int64.max) else {
      throw ApplyError(.addressNotInImage, fileOffset: offset)
    }
    if let header = base.fileOffset(of: base.arena.header.start),
      offset.rawValue < header.rawValue + UInt64(TargetHeader.byteCount), header < end
    {
      throw ApplyError(.operationsConflict, fileOffset: offset, detail: "the header page belongs to no operation")
    }
    return offset.rawValue
  }
}
