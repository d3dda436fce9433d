public import Addressing

/// How a word of a chain is laid out: `pointer_format`.
public enum MachOChainedPointerFormat: UInt16, Hashable, Sendable {
  /// DYLD_CHAINED_PTR_64: the target is a virtual address.
  case address = 2
  /// DYLD_CHAINED_PTR_64_OFFSET: the target is an offset from the image's header.
  case offset = 6

  /// The names of what is refused (`<mach-o/fixup-chains.h>`).
  static func name(of raw: UInt16) -> String {
    let names: [UInt16: String] = [
      1: "DYLD_CHAINED_PTR_ARM64E", 3: "DYLD_CHAINED_PTR_32", 4: "DYLD_CHAINED_PTR_32_CACHE",
      5: "DYLD_CHAINED_PTR_32_FIRMWARE", 7: "DYLD_CHAINED_PTR_ARM64E_KERNEL", 8: "DYLD_CHAINED_PTR_64_KERNEL_CACHE",
      9: "DYLD_CHAINED_PTR_ARM64E_USERLAND", 10: "DYLD_CHAINED_PTR_ARM64E_FIRMWARE",
      11: "DYLD_CHAINED_PTR_X86_64_KERNEL_CACHE", 12: "DYLD_CHAINED_PTR_ARM64E_USERLAND24",
      13: "DYLD_CHAINED_PTR_ARM64E_SHARED_CACHE", 14: "DYLD_CHAINED_PTR_ARM64E_SEGMENTED",
    ]
    return names[raw] ?? "\(raw)"
  }

  /// `next` counts in these.
  static let stride: UInt64 = 4
  /// How many imports the words can tell apart.
  static let ordinalLimit = 1 << 24
}

/// What a word of a chain becomes.
public enum MachOChainedValue: Hashable, Sendable {
  /// An address of this image, to which the slide is added; the highest byte is a tag that stands on top of it.
  case rebase(VirtualAddress)
  /// The address of an import, by its number in the table, and what is added to it: 0 … 255.
  case bind(Int, addend: UInt8)
}

/// A word of a chain, as it stands in the file: `dyld_chained_ptr_64_rebase`, `dyld_chained_ptr_64_bind`.
struct MachOChainedPointer: Hashable, Sendable {
  var value: MachOChainedValue
  /// How many bytes further the next word of the chain stands; 0 at its end.
  var next: UInt64

  /// - Parameter base: the address of the image's header.
  init(word: UInt64, _ format: MachOChainedPointerFormat, base: VirtualAddress) {
    next = (word >> 51 & 0xFFF) * MachOChainedPointerFormat.stride
    if word >> 63 != 0 {
      value = .bind(Int(word & 0xFF_FFFF), addend: UInt8(truncatingIfNeeded: word >> 24))
      return
    }
    let low = word & 0xF_FFFF_FFFF
    let tag = (word >> 36 & 0xFF) << 56
    value = .rebase(VirtualAddress((format == .offset ? low &+ base.rawValue : low) | tag))
  }

  init(_ value: MachOChainedValue, next: UInt64) { (self.value, self.next) = (value, next) }

  /// Nil where the word has no room for it.
  func word(_ format: MachOChainedPointerFormat, base: VirtualAddress) -> UInt64? {
    let links = next / MachOChainedPointerFormat.stride
    guard next.isMultiple(of: MachOChainedPointerFormat.stride), links <= 0xFFF else { return nil }
    switch value {
    case .bind(let ordinal, let addend):
      guard ordinal >= 0, ordinal < MachOChainedPointerFormat.ordinalLimit else { return nil }
      return 1 << 63 | links << 51 | UInt64(addend) << 24 | UInt64(ordinal)
    case .rebase(let address):
      let tag = address.rawValue >> 56
      let plain = address.rawValue & 0xFF_FFFF_FFFF_FFFF
      let (offset, isBelow) = plain.subtractingReportingOverflow(base.rawValue)
      let target = format == .offset ? offset : plain
      guard target <= 0xF_FFFF_FFFF, format == .address || !isBelow else { return nil }
      return links << 51 | tag << 36 | target
    }
  }
}
