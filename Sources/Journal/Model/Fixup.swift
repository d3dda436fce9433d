public import Addressing

/// A field of code or data whose bytes follow from an address: the edge from one atom to another, once placed.
///
/// The field's value is redundant with `target`, `addend` and the place, so that the coding may mask it: what only
/// moved then stays equal, and code compresses 2.7 times better.
public struct Fixup: Hashable, Sendable {
  public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
    /// 4 bytes: target + addend − place (psABI: S + A − P).
    case relative32 = 1
    /// 8 bytes: target + addend − place.
    case relative64 = 2
    /// 4 bytes: target + addend, truncated; only in images that do not slide.
    case absolute32 = 3
    /// 8 bytes: target + addend, in images that do not slide.
    case absolute64 = 4
    /// Bits 0–25 of an arm64 `b` or `bl`: a quarter of target + addend − place (AAELF64: R_AARCH64_CALL26).
    case arm64Branch26 = 5
    /// Bits 29–30 and 5–23 of an arm64 `adrp`: the distance of the 4 KiB pages (R_AARCH64_ADR_PREL_PG_HI21).
    case arm64Page21 = 6
    /// Bits 10–21 of an arm64 `add`, or of a load or store, whose other bits tell how far the offset within the page is
    /// shifted (R_AARCH64_ADD_ABS_LO12_NC, R_AARCH64_LDST8_ABS_LO12_NC and its like).
    case arm64PageOffset12 = 7
  }

  /// In bytes from the start of the written range.
  public var offset: UInt32
  public var kind: Kind
  public var target: VirtualAddress
  public var addend: Int64

  public init(offset: UInt32, kind: Kind, target: VirtualAddress, addend: Int64) {
    self.offset = offset
    self.kind = kind
    self.target = target
    self.addend = addend
  }

  public var byteCount: Int {
    switch kind {
    case .relative32, .absolute32, .arm64Branch26, .arm64Page21, .arm64PageOffset12: 4
    case .relative64, .absolute64: 8
    }
  }

  /// The little-endian bytes of the field when the range starts at `start`.
  ///
  /// - Parameter rest: what stands at the field: its bits that the fixup does not give are kept. Bytes are 0 where it is
  ///   too short.
  public func fieldBytes(in start: VirtualAddress, over rest: some Collection<UInt8> = []) -> [UInt8] {
    let kept = Self.word(rest.prefix(byteCount)) & ~mask
    let value = kept | bits(in: start, of: kept) & mask
    return (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
  }

  /// The field's bytes with the bits zeroed that the fixup gives.
  func maskedBytes(_ bytes: some Collection<UInt8>) -> [UInt8] {
    let kept = Self.word(bytes.prefix(byteCount)) & ~mask
    return (0..<byteCount).map { UInt8(truncatingIfNeeded: kept >> (8 * UInt64($0))) }
  }

  /// The bits of the field, read as a little-endian number, that follow from the target.
  private var mask: UInt64 {
    switch kind {
    case .relative32, .absolute32: 0xffff_ffff
    case .relative64, .absolute64: .max
    case .arm64Branch26: 0x03ff_ffff
    case .arm64Page21: 0x60ff_ffe0
    case .arm64PageOffset12: 0x003f_fc00
    }
  }

  private func bits(in start: VirtualAddress, of instruction: UInt64) -> UInt64 {
    let place = start.rawValue &+ UInt64(offset)
    let absolute = target.rawValue &+ UInt64(bitPattern: addend)
    switch kind {
    case .relative32, .relative64: return absolute &- place
    case .absolute32, .absolute64: return absolute
    case .arm64Branch26: return (absolute &- place) >> 2
    case .arm64Page21:
      let pages = (absolute >> 12) &- (place >> 12)
      return (pages & 3) << 29 | ((pages >> 2) & 0x7ffff) << 5
    case .arm64PageOffset12: return ((absolute & 0xfff) >> Self.offsetShift(of: instruction)) << 10
    }
  }

  /// By how many bits an arm64 instruction shifts its 12-bit offset: the size of what it loads or stores, where it is of
  /// the class "load/store register (unsigned immediate)" (Arm ARM, C4.1.94); none for an `add`.
  public static func offsetShift(of instruction: UInt64) -> UInt64 {
    guard instruction & 0x3b00_0000 == 0x3900_0000 else { return 0 }
    return instruction & 0xc480_0000 == 0x0480_0000 ? 4 : instruction >> 30 & 3
  }

  private static func word(_ bytes: some Collection<UInt8>) -> UInt64 {
    var word: UInt64 = 0
    for (index, byte) in bytes.enumerated() { word |= UInt64(byte) << (8 * UInt64(index)) }
    return word
  }
}
