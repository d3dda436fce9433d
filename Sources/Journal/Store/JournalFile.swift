import Foundation

/// The file system's part in making a journal.
enum JournalFile {
  /// Fails where there is a file already.
  static func makeEmpty(at path: String) throws(JournalError) {
    // A journal holds what the program's file holds; who may read that is the owner's to say, so it begins closed.
    let file = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure(.inaccessible) }
    close(file)
  }

  /// Gives a finished, closed draft its name, unless that is taken, and leaves nothing of the draft.
  static func publish(_ draft: String, as path: String, taken: JournalError.Code) throws(JournalError) {
    try synchronize(draft)
    // A hard link, and not a rename: that would replace a journal made in the meantime.
    if link(draft, path) == 0 {
      unlink(draft)
    } else if errno == EPERM || errno == EOPNOTSUPP {
      // A file system without hard links (link(2)): the look and the rename are two steps there.
      if access(path, F_OK) == 0 { throw JournalError(taken) }
      guard rename(draft, path) == 0 else { throw failure(.inaccessible) }
    } else {
      throw failure(errno == EEXIST ? taken : .inaccessible)
    }
    try synchronize(URL(fileURLWithPath: path).deletingLastPathComponent().path)
  }

  private static func synchronize(_ path: String) throws(JournalError) {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw failure(.inaccessible) }
    defer { close(file) }
    guard fsync(file) == 0 else { throw failure(.storageFailed) }
  }

  private static func failure(_ code: JournalError.Code) -> JournalError {
    JournalError(code, detail: String(cString: strerror(errno)))
  }
}
