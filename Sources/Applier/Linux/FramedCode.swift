import ObjectFile

/// Functions that may be told to keep a frame pointer by how they begin: Zig's own code generator writes no unwind
/// information in 0.10, and lets every function begin so.
struct FramedCode {
  /// `push %rbp; mov %rsp, %rbp`, in either encoding of the second.
  private static let prologues: [[UInt8]] = [[0x55, 0x48, 0x89, 0xe5], [0x55, 0x48, 0x8b, 0xec]]
  private static let prologueByteCount = 4
  private static let basePointer: UInt64 = 6
  private static let returnAddress: UInt64 = 16
  /// rbx, r12 to r15: a function that saves them does not say where.
  private static let unknown: [UInt64] = [3, 12, 13, 14, 15]

  private let functions: [Range<UInt64>]
  /// Where the program began: the function there has no caller.
  let entryPoint: UInt64

  init(functions: [RuntimeRange] = [], entryPoint: UInt64 = 0) {
    self.functions = Set(functions.map { $0.start.rawValue..<$0.end.rawValue }).sorted { $0.lowerBound < $1.lowerBound }
    self.entryPoint = entryPoint
  }

  /// The function that the address lies in, past its first instructions; nil where there is none or more than one.
  func function(holding address: UInt64, _ read: (UInt64, Int) -> [UInt8]?) -> Range<UInt64>? {
    let holding = functions.filter { $0.contains(address) }
    let framed = holding.filter { function in
      if function.contains(entryPoint) { return true }
      guard address >= function.lowerBound &+ UInt64(Self.prologueByteCount),
        let head = read(function.lowerBound, Self.prologueByteCount)
      else { return false }
      return Self.prologues.contains(head)
    }
    let starts = Set(framed.map(\.lowerBound))
    return starts.count == 1 ? framed.first : nil
  }

  /// The caller's frame begins behind the saved frame pointer and the return address.
  static func rules(isOutermost: Bool) -> UnwindRules {
    var rules: [UInt64: UnwindRules.Rule] = [:]
    for number in unknown { rules[number] = .undefined }
    rules[basePointer] = .stored(-16)
    rules[returnAddress] = isOutermost ? .undefined : .stored(-8)
    return UnwindRules(frame: .register(isOutermost ? 7 : basePointer, offset: isOutermost ? 0 : 16), rules: rules)
  }
}
