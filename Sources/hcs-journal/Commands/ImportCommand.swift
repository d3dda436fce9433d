import ArgumentParser
import Journal

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Take the updates of an exported file into the journal, all of them or none.",
    discussion: "The journal must be of the same image (`init` makes one); updates that it has already are passed over."
  )

  @OptionGroup var common: CommonOptions

  @Argument(help: "The file that `export` made.", completion: .file(extensions: ["hcsb"]))
  var file: String

  func run() throws {
    let store = try common.store(.write)
    common.emit(Taken(path: file, imported: try store.importBundle(at: file)))
  }
}

private struct Taken: CommandOutput {
  let path: String
  let imported: JournalStore.Imported

  var json: JSONValue {
    .object([
      ("bundle", .string(path)), ("added", .array(imported.added.map { .integer($0.rawValue) })),
      ("knownCount", .count(imported.knownCount)), ("signatureCount", .count(imported.signatureCount)),
      ("shortcutCount", .count(imported.shortcutCount)),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    let known = imported.knownCount == 0 ? "" : "; \(imported.knownCount.counted("update")) had been there"
    guard let first = imported.added.first, let last = imported.added.last else {
      return ["nothing to take from \(path)\(known)"]
    }
    let numbers = first == last ? "\(first.title)" : "updates \(first) to \(last)"
    return ["took \(style.bold(imported.added.count.counted("update"))) from \(path): \(numbers)\(known)"]
  }
}
