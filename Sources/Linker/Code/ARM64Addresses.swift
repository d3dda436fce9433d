import Addressing

/// Finds the addresses that arm64 code makes of two instructions: `adrp` gives the page, an `add`, a load or a store the
/// place in it.
///
/// It goes by the order of the instructions and not of their running: good enough to tell what a function refers to,
/// no proof of what it does not.
struct ARM64Addresses {
  private var pages: [UInt32: UInt64] = [:]

  static func add(to instructions: inout [Instruction], of bytes: [UInt8], at start: VirtualAddress) {
    var tracker = ARM64Addresses()
    for index in instructions.indices {
      let offset = instructions[index].offset
      guard let word = ARM64Instruction(bytes, at: offset) else { continue }
      if word.isPageAddress { instructions[index].references = [] }
      if let target = tracker.step(word, at: start.displaced(by: Int64(offset))) {
        instructions[index].references = [
          CodeReference(kind: .memory, target: target, fieldOffset: nil, fieldByteCount: 4)
        ]
      }
    }
  }

  private mutating func step(_ word: ARM64Instruction, at place: VirtualAddress) -> VirtualAddress? {
    if word.isPageAddress {
      pages[word.destination] = ARM64Machine.page(word, at: place).rawValue
      return nil
    }
    // What a call may change (AAPCS64, General-purpose Registers).
    if word.isCall || word.word & 0xffff_fc1f == 0xd63f_0000 {
      pages = pages.filter { $0.key > 18 }
      return nil
    }
    guard word.isAdd || word.isAccess, let page = pages[word.source] else {
      // Stores write no register, and are taken not to.
      if !word.isStore { pages[word.destination] = nil }
      return nil
    }
    if !word.isStore { pages[word.destination] = nil }
    return VirtualAddress(page).displaced(by: Int64(word.offset12))
  }
}

extension ARM64Instruction {
  /// A store of the kinds with a base and an immediate offset, or of two registers.
  fileprivate var isStore: Bool {
    (word & 0x3b00_0000 == 0x3900_0000 && word & 0x00c0_0000 == 0) || word & 0x3a40_0000 == 0x2800_0000
      || (word & 0x3b00_0000 == 0x3800_0000 && word & 0x00c0_0000 == 0)
  }
}
