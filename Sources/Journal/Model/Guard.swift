public import Addressing

/// A range that no thread may be in while an update is committed, and why.
public struct Guard: Hashable, Sendable {
  public enum Reach: UInt8, Hashable, Sendable, CaseIterable {
    /// No program counter and no return address strictly inside the range (its first byte is allowed: what stands
    /// there after the commit is a whole instruction).
    case interior = 1
    /// No program counter in the range, its first byte included, and no return address on any stack.
    case whole = 2
  }

  public enum Reason: UInt8, Hashable, Sendable, CaseIterable {
    /// The entry stub overwrites these bytes.
    case entryStub = 1
    /// A branch, jump table entry or return address of the old body lands inside the entry stub.
    case branchIntoEntryStub = 2
    /// A body may rely on which registers another version of what it calls leaves alone (GCC's -fipa-ra).
    case interproceduralRegisters = 3
    /// Bytes are overwritten where they stand.
    case overwritten = 4
    /// A body calls a function that has changed, and nothing tells whether it still takes what that body gives it.
    case unknownPrototype = 5

    /// Bytes in the range are written: whoever may go there by an address that it holds is in the way, and not only whoever
    /// stands there or will return there.
    public var isOfOverwritten: Bool {
      switch self {
      case .entryStub, .branchIntoEntryStub, .overwritten: true
      case .interproceduralRegisters, .unknownPrototype: false
      }
    }
  }

  public enum Direction: UInt8, Hashable, Sendable, CaseIterable {
    case both = 0
    case forward = 1
    case backward = 2
  }

  public var range: AddressRange
  public var reach: Reach
  public var reason: Reason
  /// When it is asked for: on the way to the update, off it, or both.
  public var direction: Direction
  /// The function whose body the range belongs to.
  public var function: String

  public init(range: AddressRange, reach: Reach, reason: Reason, direction: Direction, function: String) {
    self.range = range
    self.reach = reach
    self.reason = reason
    self.direction = direction
    self.function = function
  }
}
