import Addressing
import Journal

@testable import Applier

/// A task of which no call is answered from a given one on, as if the applier had been killed there.
final class FaultyTask: TaskAccess {
  private let access: any TaskAccess
  private let lastCall: Int
  private(set) var callCount = 0

  init(_ access: any TaskAccess, dyingAt call: Int) {
    self.access = access
    lastCall = call
  }

  private func count(_ name: String) throws(ApplyError) {
    callCount += 1
    if callCount >= lastCall { throw ApplyError(.taskCallFailed, call: name, detail: "killed") }
  }

  var name: String { access.name }
  var slide: Slide { access.slide }
  var lastPauseNanoseconds: UInt64? { access.lastPauseNanoseconds }

  func identity() throws(ApplyError) -> [UInt8] {
    try count("identity")
    return try access.identity()
  }

  func read(_ at: RuntimeAddress, _ byteCount: Int) throws(ApplyError) -> [UInt8] {
    try count("read")
    return try access.read(at, byteCount)
  }

  func write(_ bytes: [UInt8], at: RuntimeAddress) throws(ApplyError) {
    try count("write")
    try access.write(bytes, at: at)
  }

  func storePointer(_ value: UInt64, at: RuntimeAddress) throws(ApplyError) {
    try count("store")
    try access.storePointer(value, at: at)
  }

  func mappings() throws(ApplyError) -> [TaskMapping] {
    try count("mappings")
    return try access.mappings()
  }

  func map(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError) {
    try count("map")
    try access.map(range, protection)
  }

  func stopThreads() throws(ApplyError) {
    try count("stop")
    try access.stopThreads()
  }

  func resumeThreads() throws(ApplyError) {
    try count("resume")
    try access.resumeThreads()
  }

  func occupants(of guards: [GuardedRange]) throws(ApplyError) -> [ThreadOccupant] {
    try count("occupants")
    return try access.occupants(of: guards)
  }

  func address(of symbol: ImportedSymbol) throws(ApplyError) -> RuntimeAddress {
    try count("address")
    return try access.address(of: symbol)
  }
}
