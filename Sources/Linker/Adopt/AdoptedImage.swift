import Addressing
import Foundation
import Journal
import ObjectFile

extension PreparedFile {
  func piece(at offset: Int, ofAtMost maximum: Int) -> [UInt8] {
    guard offset < byteCount else { return [] }
    return bytes(at: FileOffset(UInt64(offset)), count: min(maximum, Int(byteCount) - offset))
  }
}

/// What the journal gets to know of a linked image, whatever its format.
struct AdoptedImage {
  var format: BaseImage.Format
  var architecture: BaseImage.Architecture
  var isPositionIndependent: Bool
  var identity: [UInt8]
  var entryPoint: VirtualAddress
  /// The file as it was linked.
  var original: ByteView
  /// Of the prepared image.
  var segments: [Segment]
  var arena: Arena
  var symbols: [BaseSymbol]
  var imports: [BaseImport]
  var switchesStacks: Bool
  var types: [TypeLayout] = []
  var libraries: [BaseContent.Library]
  var notes: [LinkNote]
  /// The prepared image with these bytes at the start of the arena's header page.
  var prepared: (_ header: [UInt8]) throws -> any PreparedFile
}
