/// What a page allows, in the bits of `PROT_READ`, `PROT_WRITE`, `PROT_EXEC` (mmap(2)) and `VM_PROT_*`.
///
/// ELF's `p_flags` has the opposite order (PF_X 1, PF_W 2, PF_R 4; gABI, Program Header).
@frozen
public struct PageProtection: OptionSet, Hashable, Sendable {
  public var rawValue: UInt8

  @inlinable
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let read = PageProtection(rawValue: 1)
  public static let write = PageProtection(rawValue: 2)
  public static let execute = PageProtection(rawValue: 4)
}

extension PageProtection: CustomStringConvertible {
  /// As `/proc/PID/maps` prints it, without the sharing letter: `r-x`.
  public var description: String {
    (contains(.read) ? "r" : "-") + (contains(.write) ? "w" : "-") + (contains(.execute) ? "x" : "-")
  }
}
