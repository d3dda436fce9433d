import ArgumentParser
import Journal

/// Whose signatures updates must have before they reach a target.
struct SignatureOption: ParsableArguments {
  @Option(
    name: .customLong("require-signature"),
    help: ArgumentHelp(
      "Refuse to leave the target at an update that, like all before it, is not signed by a public key of this file. May be repeated.",
      valueName: "keys"))
  var keyFiles: [String] = []

  var areRequired: Bool { !keyFiles.isEmpty }

  /// Nothing is asked where no file was named.
  func check(_ steps: [Step], to destination: Digest, in store: JournalStore) throws(JournalError) {
    if keyFiles.isEmpty { return }
    var keys: [PublicKey] = []
    for path in keyFiles { keys += try KeyFile.publicKeys(at: path) }
    try store.requireSignatures(of: keys, for: steps, to: destination)
  }
}
