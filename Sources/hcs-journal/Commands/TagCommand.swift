import ArgumentParser
import Journal

struct TagCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tag", abstract: "Name an update; list the names, move or delete one.")

  @OptionGroup var common: CommonOptions

  @Argument(help: "The name. Without one, all tags are listed.")
  var name: String?

  @Argument(help: ArgumentHelp("The update: \(UpdateArgument.help). Default: head.", valueName: "update"))
  var update: UpdateArgument?

  @Flag(name: .shortAndLong, help: "Move a tag that there is already.")
  var force = false

  @Flag(name: .shortAndLong, help: "Delete the tag.")
  var delete = false

  func validate() throws {
    if name == nil, force || delete { throw ValidationError("Name the tag.") }
    if delete, force || update != nil { throw ValidationError("--delete takes the tag's name alone.") }
  }

  func run() throws {
    guard let name else {
      let store = try common.store(.read)
      return common.emit(Tags(tags: try store.tags()))
    }
    let store = try common.store(.write)
    if delete {
      let tag = try store.tag(named: name)
      try store.deleteTag(name)
      return common.emit(Tags(tags: tag.map { [$0] } ?? [], verb: "deleted "))
    }
    let position = try update.map { try store.position($0) } ?? store.newestPosition()
    try store.tag(name, position.digest, at: PointInTime.now.milliseconds, isMoving: force)
    common.emit(Tags(tags: try store.tag(named: name).map { [$0] } ?? []))
  }
}

private struct Tags: CommandOutput {
  let tags: [Tag]
  var verb = ""

  var json: JSONValue { .object([("tags", .array(tags.map(\.json)))]) }

  func lines(_ style: TextStyle) -> [String] {
    let width = tags.map(\.name.count).max() ?? 0
    return tags.map { tag in
      "\(verb)\(style.bold(tag.name.padded(to: width)))  \(tag.update.title)  \(tag.digest.abbreviated)"
    }
  }
}

extension Tag {
  var json: JSONValue {
    .object([
      ("name", .string(name)), ("number", .integer(update.rawValue)), ("digest", .string("\(digest)")),
      ("time", .string(PointInTime(milliseconds: time).universal)),
    ])
  }
}
