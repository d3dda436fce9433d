import Addressing
import Journal

/// What comes into use along a stretch, or is left again: nothing else of the plan touches these bytes. There may be more of them than
/// a plan should hold, so that they are read block by block wherever they are needed.
struct FreshBytes: Sendable {
  var stretch: Stretch
  var direction: Direction
}

/// Fresh bytes that are read from a target at once, and written at once.
struct FreshWindow {
  var direction: Direction
  var place: TargetPlace
  /// From the first extent to the last.
  var range: AddressRange
  /// Whether the program may write there.
  var isWritable: Bool
  var extents: ArraySlice<FreshBlock.Extent>
  var block: FreshBlock

  var byteCount: Int { Int(range.byteCount) }

  /// Ascending, each as much of the block as one read should take.
  ///
  /// - Parameter place: where in the target a range of the image is, once it is known to be there as a whole.
  static func windows(
    of block: FreshBlock, _ direction: Direction, in base: BaseImage, holds: (FreshBlock.Extent) -> Bool,
    place: (AddressRange) throws(ApplyError) -> TargetPlace?
  ) throws(ApplyError) -> [FreshWindow] {
    var windows: [FreshWindow] = []
    let extents = block.extents.allSatisfy(holds) ? block.extents : block.extents.filter(holds)
    var first = extents.startIndex
    while first < extents.endIndex {
      let start = extents[first].start
      let segment = base.segments.first { $0.range.contains(start) }
      let limit = min(segment?.range.end.rawValue ?? 0, start.rawValue &+ Self.byteCount)
      var last = first + 1
      while last < extents.endIndex, extents[last].start.rawValue - extents[last - 1].end <= Self.maximumGap,
        extents[last].end <= limit
      { last += 1 }
      let range = AddressRange(start: start, byteCount: extents[last - 1].end - start.rawValue)
      if let place = try place(range) {
        windows.append(
          FreshWindow(
            direction: direction, place: place, range: range,
            isWritable: segment?.protection.contains(.write) ?? true, extents: extents[first..<last], block: block))
      }
      first = last
    }
    return windows
  }

  private static let byteCount: UInt64 = 1 << 20
  private static let maximumGap: UInt64 = 64
}

extension FreshWindow {
  /// Which of its two sides an extent holds.
  enum Side {
    case before
    case after
    /// Both, for they are the same.
    case same
    /// Some bytes of one, some of the other.
    case mixed
    case neither
  }

  /// - Parameter isZero: whether all that was found in the window is zeroes.
  func side(of extent: FreshBlock.Extent, in found: [UInt8], isZero: Bool) -> Side {
    // The first byte tells of nearly all that they are not zeroes.
    if isZero, extent.beforeOffset == nil, block.bytes[extent.offset] != 0 { return .before }
    if equals(extent, extent.offset, found) {
      // And of nearly all that they are not the same.
      let before = extent.beforeOffset.map { block.bytes[$0] } ?? 0
      return before == block.bytes[extent.offset] && equals(extent, extent.beforeOffset, found) ? .same : .after
    }
    if equals(extent, extent.beforeOffset, found) { return .before }
    let first = offset(of: extent)
    for index in 0..<extent.byteCount {
      let byte = found[first + index]
      let before = extent.beforeOffset.map { block.bytes[$0 + index] } ?? 0
      if byte != before && byte != block.bytes[extent.offset + index] { return .neither }
    }
    return .mixed
  }

  /// Puts one side of the extents into the window's bytes.
  ///
  /// - Parameters:
  ///   - flags: which of the extents.
  ///   - bytes: as many as the window has.
  ///   - gap: how many other bytes may lie between two extents of one run.
  /// - Returns: where they are in the bytes, as runs.
  func put(
    _ isAfter: Bool, of flags: ArraySlice<Bool>, into bytes: inout [UInt8], bridging gap: Int
  ) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    block.bytes.withUnsafeBytes { source in
      bytes.withUnsafeMutableBytes { target in
        for (extent, isMeant) in zip(extents, flags) where isMeant {
          let start = offset(of: extent)
          let range = start..<start + extent.byteCount
          let place = UnsafeMutableRawBufferPointer(rebasing: target[range])
          if let offset = isAfter ? extent.offset : extent.beforeOffset {
            place.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[offset..<offset + extent.byteCount]))
          } else {
            place.initializeMemory(as: UInt8.self, repeating: 0)
          }
          if let last = runs.last, range.lowerBound - last.upperBound <= gap {
            runs[runs.count - 1] = last.lowerBound..<range.upperBound
          } else {
            runs.append(range)
          }
        }
      }
    }
    return runs
  }

  /// Where in the window's bytes an extent begins.
  func offset(of extent: FreshBlock.Extent) -> Int { Int(extent.start.rawValue - range.start.rawValue) }

  /// - Parameter offset: into the block's bytes; nil for zeroes.
  private func equals(_ extent: FreshBlock.Extent, _ offset: Int?, _ found: [UInt8]) -> Bool {
    let first = self.offset(of: extent)
    guard first + extent.byteCount <= found.count else { return false }
    return found.withUnsafeBytes { found in
      block.bytes.withUnsafeBytes { bytes in
        let found = UnsafeRawBufferPointer(rebasing: found[first..<first + extent.byteCount])
        guard let offset else { return found.isZero }
        return found.equals(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + extent.byteCount]))
      }
    }
  }
}

extension [UInt8] {
  var isZero: Bool { withUnsafeBytes { $0.isZero } }
}

extension UnsafeRawBufferPointer {
  fileprivate var isZero: Bool {
    typealias Words = SIMD8<UInt64>
    let size = MemoryLayout<Words>.size
    var index = 0
    while index + size <= count {
      if loadUnaligned(fromByteOffset: index, as: Words.self) != .zero { return false }
      index += size
    }
    return self[index...].allSatisfy { $0 == 0 }
  }

  /// - Parameter other: as long as this.
  fileprivate func equals(_ other: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while index + 8 <= count {
      if loadUnaligned(fromByteOffset: index, as: UInt64.self)
        != other.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      {
        return false
      }
      index += 8
    }
    return self[index...].elementsEqual(other[index...])
  }
}
