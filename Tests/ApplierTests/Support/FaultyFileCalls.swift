@testable import Applier

/// The system's file calls, of which one fails, once or for good. `onCall` comes before each.
final class FaultyFileCalls: FileCalls {
  private let system = SystemFileCalls()
  var failing: (call: Int, isForGood: Bool)?
  var onCall: ((String) -> Void)?
  private(set) var callCount = 0
  private(set) var log: [String] = []
  /// What was written where, in order.
  private(set) var writes: [Range<UInt64>] = []

  private func count(_ name: String) throws(FileCallError) {
    callCount += 1
    log.append(name)
    onCall?(name)
    guard let failing else { return }
    if callCount == failing.call || (failing.isForGood && callCount > failing.call) {
      throw FileCallError(call: name, errno: 5)
    }
  }

  func resolve(_ path: String) throws(FileCallError) -> String {
    try count("resolve")
    return try system.resolve(path)
  }

  func open(_ path: String) throws(FileCallError) -> FileHandleNumber {
    try count("open")
    return try system.open(path)
  }

  func create(_ path: String) throws(FileCallError) -> FileHandleNumber {
    try count("create")
    return try system.create(path)
  }

  func close(_ file: FileHandleNumber) { system.close(file) }

  func lock(_ file: FileHandleNumber) throws(FileCallError) -> Bool {
    try count("lock")
    return try system.lock(file)
  }

  func unlock(_ file: FileHandleNumber) { system.unlock(file) }

  func status(_ file: FileHandleNumber) throws(FileCallError) -> FileStatus {
    try count("status")
    return try system.status(file)
  }

  func status(of path: String) throws(FileCallError) -> FileStatus {
    try count("statusOfPath")
    return try system.status(of: path)
  }

  func read(_ file: FileHandleNumber, at offset: UInt64, count byteCount: Int) throws(FileCallError) -> [UInt8] {
    try count("read")
    return try system.read(file, at: offset, count: byteCount)
  }

  func write(_ bytes: [UInt8], to file: FileHandleNumber, at offset: UInt64) throws(FileCallError) {
    do throws(FileCallError) {
      try count("write")
    } catch {
      try system.write(Array(bytes.prefix(bytes.count / 2)), to: file, at: offset)
      throw error
    }
    try system.write(bytes, to: file, at: offset)
    writes.append(offset..<offset + UInt64(bytes.count))
  }

  func truncate(_ file: FileHandleNumber, to byteCount: UInt64) throws(FileCallError) {
    try count("truncate")
    try system.truncate(file, to: byteCount)
  }

  func data(in file: FileHandleNumber, from offset: UInt64) throws(FileCallError) -> Range<UInt64>? {
    try count("data")
    return try system.data(in: file, from: offset)
  }

  func copy(
    _ range: Range<UInt64>, from source: FileHandleNumber, to copy: FileHandleNumber
  ) throws(FileCallError) {
    try count("copy")
    try system.copy(range, from: source, to: copy)
  }

  func setOwner(_ file: FileHandleNumber, _ owner: UInt32, group: UInt32) throws(FileCallError) {
    try count("setOwner")
    try system.setOwner(file, owner, group: group)
  }

  func setMode(_ file: FileHandleNumber, _ mode: UInt32) throws(FileCallError) {
    try count("setMode")
    try system.setMode(file, mode)
  }

  func copyAttributes(from source: FileHandleNumber, to copy: FileHandleNumber) throws(FileCallError) {
    try count("copyAttributes")
    try system.copyAttributes(from: source, to: copy)
  }

  func sync(_ file: FileHandleNumber) throws(FileCallError) {
    try count("sync")
    try system.sync(file)
  }

  func syncFolder(of path: String) throws(FileCallError) {
    try count("syncFolder")
    try system.syncFolder(of: path)
  }

  func rename(_ path: String, to newPath: String) throws(FileCallError) {
    try count("rename")
    try system.rename(path, to: newPath)
  }

  func remove(_ path: String) throws(FileCallError) {
    try count("remove")
    try system.remove(path)
  }
}
