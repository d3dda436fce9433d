import Addressing
import Journal

/// Functions whose former bodies may change registers that the update's bodies leave alone.
///
/// A caller compiled after the update may keep a value in such a register across the call (GCC's -fipa-ra): with the
/// former body back, it would be lost. Which compiler made the caller the journal does not tell, so that what counts is what the
/// bodies do.
struct ReliedRegisters {
  private let memory: PlacedMemory
  /// Before the update: its former bodies begin with entry stubs since.
  private let former: PlacedMemory
  private let disassembler: Disassembler
  private let moved: [VirtualAddress: AtomChange]

  init(update: Update, memory: PlacedMemory, before former: PlacedMemory) {
    self.memory = memory
    self.former = former
    disassembler = Disassembler(memory.machine.architecture)
    var moved: [VirtualAddress: AtomChange] = [:]
    for change in update.content.atoms where change.atomKind == .function && change.isReverted {
      guard let after = change.after, change.change == .moved else { continue }
      moved[after.entry ?? after.body.start] = change
    }
    self.moved = moved
  }

  /// The function that is entered there, where its former body may change more than the update's.
  func callee(enteredAt address: VirtualAddress) throws(LinkError) -> AtomIdentity? {
    guard let change = moved[address], let before = change.before?.body, let after = change.after?.body else {
      return nil
    }
    let old = try disassembler.registerUse(try former.bytes(before), at: before.start)
    let new = try disassembler.registerUse(try memory.bytes(after), at: after.start)
    return new.covers(old) ? nil : change.atom
  }
}
