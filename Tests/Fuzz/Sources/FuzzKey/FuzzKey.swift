import Driver
import Foundation
import Journal

/// A file that somebody names as a key: refused by name, or a key, private or public.
@_cdecl("FuzzKey_main")
public func fuzzMain(_ count: CInt, _ arguments: FuzzArguments) -> CInt {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("fuzz-key-\(getpid())").path
  return fuzz(count, arguments) { bytes in
    let isWritten = FileManager.default.createFile(
      atPath: path, contents: Data(bytes), attributes: [.posixPermissions: 0o600])
    precondition(isWritten, "no room for a key")
    if let key = try? KeyFile.signingKey(at: path) {
      precondition(KeyFile.line(of: key.publicKey).hasPrefix("ssh-ed25519 "), "a private key has no public half")
    }
    for key in (try? KeyFile.publicKeys(at: path)) ?? [] {
      precondition(KeyFile.line(of: key).hasPrefix("ssh-ed25519 "), "a public key has no line")
    }
  }
}
