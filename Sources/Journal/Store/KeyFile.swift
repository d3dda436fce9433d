import Foundation

/// Files that keys are in.
public enum KeyFile {
  /// What reads no more than this of what somebody names as a key by mistake.
  private static let byteCountAtMost = 1 << 20

  /// Reads a private key. Refuses one that others can read (`exposedKey`) or that a passphrase locks (`encryptedKey`).
  public static func signingKey(at path: String) throws(JournalError) -> SigningKey {
    let (text, mode) = try read(path)
    if mode & 0o077 != 0 { throw JournalError(.exposedKey, name: path) }
    return try naming(path) { () throws(JournalError) in try KeyCoding.signingKey(text) }
  }

  /// Reads public keys: one a line as OpenSSH has them, or in PEM. A file of none is refused.
  public static func publicKeys(at path: String) throws(JournalError) -> [PublicKey] {
    let text = try read(path).text
    return try naming(path) { () throws(JournalError) in try KeyCoding.publicKeys(text) }
  }

  /// Makes a new key: `path` for its owner alone, `path.pub` to be handed out. What is there already is left alone.
  ///
  /// - Parameter comment: whose key it is, in the public file.
  public static func make(at path: String, comment: String) throws(JournalError) -> PublicKey {
    let key = SigningKey()
    try create(path, KeyCoding.text(of: key), mode: 0o600)
    do {
      try create(path + ".pub", KeyCoding.line(of: key.publicKey, comment: comment) + "\n", mode: 0o644)
    } catch {
      unlink(path)
      throw error
    }
    return key.publicKey
  }

  /// A public key as one line.
  public static func line(of key: PublicKey, comment: String = "") -> String {
    KeyCoding.line(of: key, comment: comment)
  }

  private static func naming<Value>(
    _ path: String, _ body: () throws(JournalError) -> Value
  ) throws(JournalError) -> Value {
    do throws(JournalError) {
      return try body()
    } catch {
      var error = error
      error.name = path
      throw error
    }
  }

  private static func read(_ path: String) throws(JournalError) -> (text: String, mode: mode_t) {
    // A pipe that nobody writes would be waited for at opening.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw failure(path) }
    let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
    var status = stat()
    guard fstat(file, &status) == 0 else { throw failure(path) }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= byteCountAtMost else {
      throw JournalError(.malformedKey, name: path, detail: "not a file of a key's size")
    }
    let bytes: Data
    do { bytes = try handle.read(upToCount: byteCountAtMost) ?? Data() } catch {
      throw JournalError(.noSuchKey, name: path, cause: error)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw JournalError(.malformedKey, name: path, detail: "it is not text")
    }
    return (text, status.st_mode)
  }

  private static func create(_ path: String, _ text: String, mode: mode_t) throws(JournalError) {
    let file = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode)
    guard file >= 0 else {
      if errno == EEXIST { throw JournalError(.keyExists, name: path) }
      throw failure(path)
    }
    let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
    do {
      try handle.write(contentsOf: Data(text.utf8))
      try handle.synchronize()
    } catch {
      unlink(path)
      throw JournalError(.storageFailed, name: path, detail: path, cause: error)
    }
  }

  private static func failure(_ path: String) -> JournalError {
    JournalError(.noSuchKey, name: path, detail: String(cString: strerror(errno)))
  }
}
