import Addressing
import Applier
import Journal

/// A task that stands at its entry point and stays there, whatever is done to it, until whoever started it lets it go: were it
/// resumed between two steps of an apply, it would run without the update.
final class TaskAtEntry: TaskAccess {
  private let task: any TaskAccess

  init(_ task: any TaskAccess) { self.task = task }

  var name: String { task.name }
  var slide: Slide { task.slide }
  var lastPauseNanoseconds: UInt64? { nil }

  func identity() throws(ApplyError) -> [UInt8] { try task.identity() }

  func read(_ at: RuntimeAddress, _ count: Int) throws(ApplyError) -> [UInt8] { try task.read(at, count) }

  func write(_ bytes: [UInt8], at: RuntimeAddress) throws(ApplyError) { try task.write(bytes, at: at) }

  func storePointer(_ value: UInt64, at: RuntimeAddress) throws(ApplyError) { try task.storePointer(value, at: at) }

  func mappings() throws(ApplyError) -> [TaskMapping] { try task.mappings() }

  func map(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError) {
    try task.map(range, protection)
  }

  func replace(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError) {
    try task.replace(range, protection)
  }

  func protect(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError) {
    try task.protect(range, protection)
  }

  func stopThreads() throws(ApplyError) { try task.stopThreads() }

  func resumeThreads() {}

  func occupants(of guards: [GuardedRange]) throws(ApplyError) -> [ThreadOccupant] {
    try task.occupants(of: guards)
  }

  func address(of symbol: ImportedSymbol) throws(ApplyError) -> RuntimeAddress { try task.address(of: symbol) }
}
