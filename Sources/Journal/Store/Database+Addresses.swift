import Addressing
import GRDB

/// Addresses and byte counts in SQLite's signed integers: those of 2^63 and more are refused, so that the order of
/// the rows is the order of the addresses.
func stored(_ value: UInt64, refusingWith code: JournalError.Code = .invalidUpdate) throws(JournalError) -> Int64 {
  guard let stored = Int64(exactly: value) else {
    throw JournalError(code, address: VirtualAddress(value), detail: "addresses of 2^63 and more are not supported")
  }
  return stored
}

func stored(
  _ address: VirtualAddress, refusingWith code: JournalError.Code = .invalidUpdate
) throws(JournalError) -> Int64 {
  try stored(address.rawValue, refusingWith: code)
}

/// Both ends of a range, for searches: what lies beyond 2^63 is in no row.
func searchable(_ range: AddressRange) -> (start: Int64, end: Int64) {
  (Int64(clamping: range.start.rawValue), Int64(clamping: range.end.rawValue))
}

extension ResultRow {
  func address(_ index: Int) throws(JournalError) -> VirtualAddress { VirtualAddress(try unsigned(index)) }

  func range(_ index: Int) throws(JournalError) -> AddressRange {
    let start = try address(index)
    guard let range = AddressRange(validating: start, byteCount: try unsigned(index + 1)) else {
      throw JournalError(.damaged, address: start, detail: "a range leaves the address space")
    }
    return range
  }
}

/// Ranges are kept in classes of size, each 16 times the one before. What overlaps an address then starts at most one
/// class's size before it: a short search in each class that has rows, however large the largest range is.
enum SizeClass {
  /// The smallest n with `byteCount` <= 16^n.
  static func of(_ byteCount: UInt64) -> Int64 {
    var sizeClass: Int64 = 0
    while sizeClass < 15 && byteCount > largest(in: sizeClass) { sizeClass += 1 }
    return sizeClass
  }

  static func largest(in sizeClass: Int64) -> UInt64 {
    sizeClass < 0 ? 0 : sizeClass < 15 ? 1 << (4 * UInt64(sizeClass)) : UInt64(Int64.max)
  }
}
