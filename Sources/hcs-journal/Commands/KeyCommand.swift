import ArgumentParser
import Foundation
import Journal

struct KeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key",
    abstract: "Make a key to sign updates with, or print the public half of one.",
    discussion: """
      Makes FILE, which only you can read, and FILE.pub, to be handed to those who require your signature. Keys of \
      `ssh-keygen -t ed25519` and `openssl genpkey -algorithm ed25519` do as well, those without a passphrase.
      """)

  @Argument(help: "The private key.", completion: .file())
  var file: String

  @Flag(name: .customLong("public"), help: "Make nothing: print the public half of this private key.")
  var printsPublic = false

  @Option(help: ArgumentHelp("Whose key it is. Default: the user's name.", valueName: "text"))
  var comment: String?

  @Flag(help: "Print one JSON object instead of text.")
  var json = false

  func run() throws {
    let key =
      printsPublic
      ? try KeyFile.signingKey(at: file).publicKey
      : try KeyFile.make(at: file, comment: comment ?? NSUserName())
    let output = KeyOutput(path: file, key: key, comment: comment ?? "", isNew: !printsPublic)
    StandardStream.output.write(json ? output.json.text : output.lines(.standardOutput).joined(separator: "\n"))
  }
}

private struct KeyOutput: CommandOutput {
  let path: String
  let key: PublicKey
  let comment: String
  let isNew: Bool

  var json: JSONValue {
    .object([
      ("file", .string(path)), ("publicFile", isNew ? .string(path + ".pub") : nil),
      ("fingerprint", .string(key.fingerprint)), ("public", .string(KeyFile.line(of: key, comment: comment))),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    isNew ? ["made \(path) and \(path).pub, \(key.fingerprint)"] : [KeyFile.line(of: key, comment: comment)]
  }
}
