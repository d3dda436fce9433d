/// An open file.
struct FileHandleNumber: RawRepresentable, Hashable, Sendable {
  let rawValue: Int32
}

/// What a file image needs to know of a file: stat(2).
struct FileStatus: Hashable, Sendable {
  var device: UInt64
  var inode: UInt64
  var byteCount: UInt64
  /// Permission bits, set-id bits included.
  var mode: UInt32
  var owner: UInt32
  var group: UInt32
  /// Names that the file has.
  var linkCount: UInt64
  /// Nanoseconds since 1970.
  var modificationTime: Int64
}

/// A system call that failed.
struct FileCallError: Error, Hashable, Sendable {
  var call: String
  var errno: Int32
}

/// The system calls of a file image, one each, so that tests can make the nth of them fail.
protocol FileCalls {
  /// The path without symbolic links: realpath(3).
  func resolve(_ path: String) throws(FileCallError) -> String
  func open(_ path: String) throws(FileCallError) -> FileHandleNumber
  /// A new file, readable and writable by its owner alone. Fails where one is.
  func create(_ path: String) throws(FileCallError) -> FileHandleNumber
  func close(_ file: FileHandleNumber)
  /// False where another process holds the lock: flock(2).
  func lock(_ file: FileHandleNumber) throws(FileCallError) -> Bool
  func unlock(_ file: FileHandleNumber)
  func status(_ file: FileHandleNumber) throws(FileCallError) -> FileStatus
  func status(of path: String) throws(FileCallError) -> FileStatus

  /// Fewer bytes than asked for only at the end of the file.
  func read(_ file: FileHandleNumber, at offset: UInt64, count: Int) throws(FileCallError) -> [UInt8]
  func write(_ bytes: [UInt8], to file: FileHandleNumber, at offset: UInt64) throws(FileCallError)
  func truncate(_ file: FileHandleNumber, to byteCount: UInt64) throws(FileCallError)
  /// The next range that holds data, at or after the offset; nil where none does. Where the file system knows no holes,
  /// all of the file.
  func data(in file: FileHandleNumber, from offset: UInt64) throws(FileCallError) -> Range<UInt64>?
  /// Copies the range to the same place of another file.
  func copy(
    _ range: Range<UInt64>, from source: FileHandleNumber, to copy: FileHandleNumber
  ) throws(FileCallError)

  func setOwner(_ file: FileHandleNumber, _ owner: UInt32, group: UInt32) throws(FileCallError)
  func setMode(_ file: FileHandleNumber, _ mode: UInt32) throws(FileCallError)
  func copyAttributes(from source: FileHandleNumber, to copy: FileHandleNumber) throws(FileCallError)

  func sync(_ file: FileHandleNumber) throws(FileCallError)
  func syncFolder(of path: String) throws(FileCallError)
  func rename(_ path: String, to newPath: String) throws(FileCallError)
  func remove(_ path: String) throws(FileCallError)
}
