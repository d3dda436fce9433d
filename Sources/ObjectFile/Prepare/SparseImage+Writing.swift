#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension SparseImage {
  /// Writes the image as a new file with the permissions of the file at `originalPath`, less those that the user gives to no new
  /// file (umask(2)), synced, its holes left sparse.
  ///
  /// An existing file is not replaced: the caller writes to a temporary name and renames. After a failure nothing is
  /// left at `path`.
  public func write(toNewFile path: String, permissionsOf originalPath: String) throws(ObjectFileError) {
    func failure(_ call: String) -> ObjectFileError {
      ObjectFileError(.unwritable, file: path, cause: SystemCallFailure(call: call, number: errno))
    }
    var status = stat()
    guard stat(originalPath, &status) == 0 else {
      throw ObjectFileError(
        .unreadable, file: originalPath, cause: SystemCallFailure(call: "stat", number: errno))
    }
    // Without the set-id bits: the new file's owner is whoever prepares it. Given at once, for only so does the system apply the
    // user's mask; nobody can execute the file while it is open for writing (execve(2), ETXTBSY).
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, status.st_mode & 0o777)
    guard descriptor >= 0 else { throw failure("open") }
    do throws(ObjectFileError) {
      try write(to: descriptor, path: path)
      guard fsync(descriptor) == 0 else { throw failure("fsync") }
    } catch {
      close(descriptor)
      unlink(path)
      throw error
    }
    guard close(descriptor) == 0 else { throw failure("close") }
  }

  private func write(to descriptor: Int32, path: String) throws(ObjectFileError) {
    func failure(_ call: String) -> ObjectFileError {
      ObjectFileError(.unwritable, file: path, cause: SystemCallFailure(call: call, number: errno))
    }
    guard let size = off_t(exactly: byteCount), ftruncate(descriptor, size) == 0 else { throw failure("ftruncate") }
    let isWritten = original.withUnsafeBytes { writeAll($0, to: descriptor, at: 0) }
    guard isWritten else { throw failure("pwrite") }
    for piece in pieces {
      let isWritten = piece.bytes.withUnsafeBytes { writeAll($0, to: descriptor, at: piece.fileOffset.rawValue) }
      guard isWritten else { throw failure("pwrite") }
    }
  }

  private func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: UInt64) -> Bool {
    var written = 0
    while written < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
      guard let position = off_t(exactly: offset + UInt64(written)) else { return false }
      let count = pwrite(descriptor, rest.baseAddress, rest.count, position)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      written += count
    }
    return true
  }
}
