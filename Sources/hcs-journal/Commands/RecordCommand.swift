import ArgumentParser
import Journal
import Linker

struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Link what has changed in object files into an update, and apply it where a target is named.")

  @OptionGroup var common: CommonOptions
  @OptionGroup var target: TargetOption
  @OptionGroup var options: ApplyOptions
  @OptionGroup var provenance: ProvenanceOptions

  @Argument(help: "Object files, compiled anew.", completion: .file(extensions: ["o"]))
  var objects: [String] = []

  @Option(
    help: ArgumentHelp("An image that its compiler has rewritten in place, instead of objects.", valueName: "image"))
  var observe: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("What the update is for.", valueName: "text"))
  var message: String = ""

  @Option(
    name: [.long, .customLong("onto")],
    help: ArgumentHelp(
      "The update that it follows: \(UpdateArgument.help). Default: head. After another than the newest it begins a branch.",
      valueName: "update"))
  var parent: UpdateArgument?

  @Option(
    help: ArgumentHelp(
      "How many updates a process can go back by at once, by a store into a cell. When the arena is full, bodies that none of "
        + "them needs make room for new ones.", valueName: "count"))
  var keep = IncrementalLinker.standardKeptCount

  func validate() throws {
    if keep < 1 { throw ValidationError("--keep takes 1 or more: the update that the new one follows.") }
    if objects.isEmpty == (observe == nil) {
      throw ValidationError("Name object files, or an image with --observe.")
    }
  }

  func run() throws {
    let key = try provenance.signingKey()
    let store = try common.store(options.dryRun ? .read : .write)
    let unfinished = common.tellUnfinished(in: store)
    let parent = try parent.map { try store.position($0) } ?? store.newestPosition()
    let description = provenance.description(message)
    let linked =
      if let observe {
        try ImageObserver(store: store, parent: parent.digest).observe(imageAt: observe, description)
      } else {
        try IncrementalLinker(store: store, parent: parent.digest, keptCount: keep).link(
          objectsAt: objects, description)
      }
    var recorded = Recorded(
      path: store.path, parent: parent, linked: linked, isDryRun: options.dryRun, unfinished: unfinished)
    if let content = linked.content, !options.dryRun {
      let update = try store.append(content, parent: parent.digest, signedBy: key)
      recorded.update = try store.summary(update.number)
      recorded.story = try ObservationStory.lines(of: update, in: store)
      common.log.info("recorded update \(update.number)")
    }
    // With `--dry-run` there is no update that a target could be compared with.
    if !options.dryRun {
      recorded.targets = try target.bring(to: recorded.update?.number ?? parent.number, store, options)
    }
    common.emit(recorded)
    recorded.targets.reportFailures(isJSON: common.json)
    try recorded.targets.status.end()
  }
}

private struct Recorded: CommandOutput {
  let path: String
  let parent: TargetHeader.Position
  let linked: IncrementalLinker.Result
  let isDryRun: Bool
  let unfinished: [UnfinishedTarget]
  var update: UpdateSummary?
  /// Of an observed update, what it did to whom.
  var story: [String]?
  var targets: [TargetResult] = []

  var json: JSONValue {
    .object([
      ("journal", .string(path)), ("dryRun", .boolean(isDryRun)), ("changed", .boolean(linked.content != nil)),
      ("parent", parent.json), ("story", story.map { .array($0.map(JSONValue.string)) }),
      ("update", update.map { .object($0.members) }),
      ("atoms", .array((linked.content?.atoms ?? []).map(\.json))),
      ("guards", .array((linked.content?.guards ?? []).map(\.json))),
      ("operationCount", .count(linked.content?.operations.count ?? 0)),
      ("notes", .array(linked.notes.map(\.json))), ("targets", .array(targets.map(\.json))),
      ("unfinished", unfinished.json),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    let notes = linked.notes.map { style.yellow("note: ") + $0.line }
    guard let content = linked.content else {
      return ["nothing has changed since \(parent.number.title); nothing was recorded"] + notes
        + targets.flatMap { $0.lines(style) }
    }
    let sizes = "\(content.atoms.count.counted("atom")), \(content.operations.count.counted("operation"))"
    let title =
      update.map { "recorded \(style.bold($0.number.title)), after \(parent.number.title): \(sizes)" }
      ?? "would record an update after \(parent.number.title): \(sizes); nothing was recorded"
    return [title] + (story.map { $0.map { "  " + $0 } } ?? content.atoms.map { "  " + $0.line(style) }) + notes
      + targets.flatMap { $0.lines(style) }
  }
}
