import Foundation

/// The calls as POSIX has them; in what systems differ, `FileSystemCalls` has them. An interrupted call is repeated.
struct SystemFileCalls: FileCalls {
  private static let chunkByteCount = 1 << 20

  func resolve(_ path: String) throws(FileCallError) -> String {
    guard let resolved = realpath(path, nil) else { throw FileCallError(call: "realpath", errno: errno) }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  func open(_ path: String) throws(FileCallError) -> FileHandleNumber {
    FileHandleNumber(rawValue: try checked("open") { openFile(path, O_RDONLY | O_CLOEXEC) })
  }

  func create(_ path: String) throws(FileCallError) -> FileHandleNumber {
    FileHandleNumber(
      rawValue: try checked("open") { openFile(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) })
  }

  func close(_ file: FileHandleNumber) { _ = closeFile(file.rawValue) }

  func lock(_ file: FileHandleNumber) throws(FileCallError) -> Bool {
    do throws(FileCallError) {
      try checked("flock") { flock(file.rawValue, LOCK_EX | LOCK_NB) }
      return true
    } catch {
      if error.errno == EWOULDBLOCK { return false }
      throw error
    }
  }

  func unlock(_ file: FileHandleNumber) { _ = flock(file.rawValue, LOCK_UN) }

  func status(_ file: FileHandleNumber) throws(FileCallError) -> FileStatus {
    var result = stat()
    try checked("fstat") { fstat(file.rawValue, &result) }
    return FileStatus(result)
  }

  func status(of path: String) throws(FileCallError) -> FileStatus {
    var result = stat()
    try checked("stat") { stat(path, &result) }
    return FileStatus(result)
  }

  func read(_ file: FileHandleNumber, at offset: UInt64, count: Int) throws(FileCallError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let place = try position(offset, done)
      let got = try checked("pread") {
        bytes.withUnsafeMutableBytes { pread(file.rawValue, $0.baseAddress.map { $0 + done }, count - done, place) }
      }
      if got == 0 { break }
      done += got
    }
    bytes.removeLast(count - done)
    return bytes
  }

  func write(_ bytes: [UInt8], to file: FileHandleNumber, at offset: UInt64) throws(FileCallError) {
    var done = 0
    while done < bytes.count {
      let place = try position(offset, done)
      done += try checked("pwrite") {
        bytes.withUnsafeBytes { pwrite(file.rawValue, $0.baseAddress.map { $0 + done }, bytes.count - done, place) }
      }
    }
  }

  func truncate(_ file: FileHandleNumber, to byteCount: UInt64) throws(FileCallError) {
    let byteCount = try position(byteCount, 0)
    try checked("ftruncate") { ftruncate(file.rawValue, byteCount) }
  }

  func data(in file: FileHandleNumber, from offset: UInt64) throws(FileCallError) -> Range<UInt64>? {
    let offset = try position(offset, 0)
    do throws(FileCallError) {
      let start = try checked("lseek") { lseek(file.rawValue, offset, FileSystemCalls.seekData) }
      let end = try checked("lseek") { lseek(file.rawValue, start, FileSystemCalls.seekHole) }
      return start < end ? UInt64(start)..<UInt64(end) : nil
    } catch {
      // lseek(2): no data from there to the end of the file.
      if error.errno == ENXIO { return nil }
      throw error
    }
  }

  func copy(
    _ range: Range<UInt64>, from source: FileHandleNumber, to copy: FileHandleNumber
  ) throws(FileCallError) {
    var next = range.lowerBound
    // Within the kernel where it can, or no bytes at all where the file system shares them; from where that ends, by hand.
    while next < range.upperBound {
      let place = try position(next, 0)
      let count = Int(clamping: range.upperBound - next)
      let copied = FileSystemCalls.copyRange(source.rawValue, place, copy.rawValue, place, count)
      if copied <= 0 { break }
      next += UInt64(copied)
    }
    while next < range.upperBound {
      let count = Int(min(range.upperBound - next, UInt64(Self.chunkByteCount)))
      let bytes = try read(source, at: next, count: count)
      // The file became shorter: whoever did that is found out before the copy takes its place.
      if bytes.isEmpty { return }
      try write(bytes, to: copy, at: next)
      next += UInt64(bytes.count)
    }
  }

  func setOwner(_ file: FileHandleNumber, _ owner: UInt32, group: UInt32) throws(FileCallError) {
    try checked("fchown") { fchown(file.rawValue, owner, group) }
  }

  func setMode(_ file: FileHandleNumber, _ mode: UInt32) throws(FileCallError) {
    try checked("fchmod") { fchmod(file.rawValue, mode_t(truncatingIfNeeded: mode)) }
  }

  func sync(_ file: FileHandleNumber) throws(FileCallError) {
    try checked("fsync") { FileSystemCalls.synchronize(file.rawValue) }
  }

  func syncFolder(of path: String) throws(FileCallError) {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let descriptor = try checked("open") { openFile(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    defer { _ = closeFile(descriptor) }
    try checked("fsync") { fsync(descriptor) }
  }

  func rename(_ path: String, to newPath: String) throws(FileCallError) {
    try checked("rename") { renameFile(path, newPath) }
  }

  func remove(_ path: String) throws(FileCallError) { try checked("unlink") { unlink(path) } }
}

// MARK: - Extended attributes

extension SystemFileCalls {
  func copyAttributes(from source: FileHandleNumber, to copy: FileHandleNumber) throws(FileCallError) {
    for name in try attributeNames(of: source) {
      guard let value = try attribute(name, of: source) else { continue }
      // A security label that the system has given the new file by itself need not be set, and often must not.
      if try attribute(name, of: copy) == value { continue }
      try setAttribute(name, value, of: copy)
    }
  }

  func setAttribute(_ name: String, _ value: [CChar], of file: FileHandleNumber) throws(FileCallError) {
    try checked("fsetxattr") {
      value.withUnsafeBytes { FileSystemCalls.setAttribute(file.rawValue, name, $0) }
    }
  }

  private func attributeNames(of file: FileHandleNumber) throws(FileCallError) -> [String] {
    let list = try sized("flistxattr") { FileSystemCalls.listAttributes(file.rawValue, $0, $1) } ?? []
    return list.split(separator: 0).map { String(decoding: $0.map(UInt8.init(bitPattern:)), as: UTF8.self) }
  }

  func attribute(_ name: String, of file: FileHandleNumber) throws(FileCallError) -> [CChar]? {
    try sized("fgetxattr") { FileSystemCalls.getAttribute(file.rawValue, name, $0, $1) }
  }

  /// Calls twice, as xattr(7) has it: for the size, then for the bytes. Nil where the file or its file system has none.
  private func sized(
    _ name: String, _ call: (UnsafeMutablePointer<CChar>?, Int) -> Int
  ) throws(FileCallError) -> [CChar]? {
    do throws(FileCallError) {
      let count = try checked(name) { call(nil, 0) }
      var bytes = [CChar](repeating: 0, count: count)
      let got = try checked(name) { bytes.withUnsafeMutableBufferPointer { call($0.baseAddress, $0.count) } }
      return Array(bytes.prefix(got))
    } catch {
      if error.errno == FileSystemCalls.noAttribute || error.errno == ENOTSUP { return nil }
      throw error
    }
  }
}

// MARK: - Results

extension SystemFileCalls {
  @discardableResult
  private func checked<Result: SignedInteger>(
    _ name: String, _ call: () -> Result
  ) throws(FileCallError) -> Result {
    while true {
      let result = call()
      if result >= 0 { return result }
      if errno != EINTR { throw FileCallError(call: name, errno: errno) }
    }
  }

  private func position(_ offset: UInt64, _ distance: Int) throws(FileCallError) -> off_t {
    guard let offset = off_t(exactly: offset), case (let sum, false) = offset.addingReportingOverflow(distance) else {
      throw FileCallError(call: "lseek", errno: EOVERFLOW)
    }
    return sum
  }
}

extension FileStatus {
  fileprivate init(_ status: stat) {
    device = UInt64(truncatingIfNeeded: status.st_dev)
    inode = UInt64(status.st_ino)
    byteCount = UInt64(max(0, status.st_size))
    mode = UInt32(status.st_mode & 0o7777)
    owner = status.st_uid
    group = status.st_gid
    linkCount = UInt64(truncatingIfNeeded: status.st_nlink)
    let time = FileSystemCalls.modificationTime(status)
    modificationTime = Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}

// The methods above bear these names.
private func openFile(_ path: String, _ flags: Int32, _ mode: mode_t = 0) -> Int32 { open(path, flags, mode) }
private func closeFile(_ descriptor: Int32) -> Int32 { close(descriptor) }
private func renameFile(_ path: String, _ newPath: String) -> Int32 { rename(path, newPath) }
