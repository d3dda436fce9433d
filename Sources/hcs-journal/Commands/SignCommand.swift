import ArgumentParser
import Journal

struct SignCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sign", abstract: "Sign updates that are in the journal.",
    discussion: """
      A signature is over an update's digest, and so vouches for all updates before it and for the image. Those that the key \
      has signed already are passed over.
      """)

  @OptionGroup var common: CommonOptions

  @Argument(help: "The private key (see `key`).", completion: .file())
  var key: String

  @Argument(
    help: ArgumentHelp(
      "A..B for those after A up to B, or B for all up to B: \(UpdateArgument.help). Default: head.",
      valueName: "updates"))
  var updates: UpdateRangeArgument?

  func run() throws {
    let key = try KeyFile.signingKey(at: key)
    let store = try common.store(.write)
    let last = try updates.map { try store.position(of: $0.to) } ?? store.newestPosition()
    let first = try updates?.from.map { try store.position(of: $0).digest } ?? store.base.digest
    let signed = try store.sign(store.numbers(after: first, upTo: last.digest), with: key)
    common.emit(Signed(key: key.publicKey, updates: signed))
  }
}

private struct Signed: CommandOutput {
  let key: PublicKey
  let updates: [UpdateNumber]

  var json: JSONValue {
    .object([
      ("fingerprint", .string(key.fingerprint)), ("signed", .array(updates.map { .integer($0.rawValue) })),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    guard let first = updates.first, let last = updates.last else { return ["nothing to sign"] }
    let numbers = first == last ? first.title : "updates \(first) to \(last)"
    return ["signed \(style.bold(updates.count.counted("update"))) as \(key.fingerprint): \(numbers)"]
  }
}
