import ArgumentParser
import Foundation
import Journal
import Linker

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Adopt a linked image: make its journal and a prepared image, both beside it.",
    discussion: "The image itself is not changed. The prepared image runs as it does, and has room for updates.")

  @OptionGroup var common: CommonOptions

  @Argument(help: "An executable as your linker made it.", completion: .file())
  var image: String

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("The object files that the image was linked from, or their folder.", valueName: "path"))
  var objects: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Where its libraries are: folders; for Mach-O an SDK (default: $SDKROOT), .tbd files, libraries.",
      valueName: "path"
    ))
  var libraries: [String] = []

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Where the prepared image goes. Default: IMAGE.hot.", valueName: "file"))
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Room for new code, as 16M; room for the rest is in proportion. What no update uses costs neither disk nor memory.",
      valueName: "size"))
  var arena = RoomArgument(byteCount: ArenaRoom.standard.codeByteCount)

  @Option(
    help: ArgumentHelp(
      "How much more code the arena has room for when it is full: it grows then. Default: twice as much, 8M at least, or what can "
        + "be reached. 0: it does not grow. Those of Mach-O images do not: --arena is all that they have.",
      valueName: "size"))
  var growth: GrowthArgument?

  @Flag(help: "The image is one that its compiler rewrites in place: make its journal, and prepare nothing.")
  var observe = false

  func validate() throws {
    if observe, !objects.isEmpty || !libraries.isEmpty || output != nil {
      throw ValidationError("--observe prepares nothing: it goes with none of --objects, --libraries, --output.")
    }
  }

  func run() throws {
    if observe {
      let path = common.journal ?? image + "." + JournalLocator.fileExtension
      return common.emit(
        Adopted(path: path, outcome: try ImageAdoption.adopt(observedImageAt: image, journalPath: path)))
    }
    let journal = common.journal ?? image + "." + JournalLocator.fileExtension
    if let missing = libraries.first(where: { !FileManager.default.fileExists(atPath: $0) }) {
      throw CommandError(.invalidOption, detail: "\(missing) does not exist; name a folder, a library or its .tbd")
    }
    let environment = ProcessInfo.processInfo.environment
    let known =
      (environment["LD_LIBRARY_PATH"] ?? "").split(separator: ":").map(String.init)
      + [environment["SDKROOT"]].compactMap { $0 }
    let outcome = try ImageAdoption.adopt(
      imageAt: image, objects: ObjectPaths.expanding(objects), preparedPath: output ?? image + ".hot",
      journalPath: journal, room: ArenaRoom(codeByteCount: arena.byteCount, growthByteCount: growth?.byteCount),
      libraryPaths: libraries + known)
    common.emit(Adopted(path: journal, outcome: outcome))
  }
}

private struct Adopted: CommandOutput {
  let path: String
  let outcome: ImageAdoption.Outcome

  var json: JSONValue {
    .object([
      ("journal", .string(path)), ("base", outcome.store.base.json), ("symbolCount", .count(outcome.symbolCount)),
      ("notes", .array(outcome.notes.map(\.json))),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    let base = outcome.store.base
    let kind = base.isPositionIndependent ? "position independent" : "at fixed addresses"
    return [
      "adopted \(style.bold(base.originalPath)), \(kind), \(outcome.symbolCount.counted("symbol"))",
      "  identity       \(base.identity.hexadecimal)",
      base.isPrepared ? "  prepared image \(base.preparedPath)" : "  observed       no prepared image is needed",
      base.isPrepared ? "  arena          \(base.arenaText)" : nil,
      "  journal        \(path)",
    ].compactMap { $0 } + outcome.notes.map { style.yellow("note: ") + $0.line }
  }
}

extension BaseImage {
  /// What it has room for.
  fileprivate var arenaText: String {
    let grown = arena.code.byteCount
    let atFirst = grown - growth.filter { $0.protection.contains(.execute) }.reduce(0) { $0 + $1.range.byteCount }
    let room = "room for \(RoomArgument(byteCount: atFirst)) of code"
    return grown == atFirst ? room + ", and does not grow" : room + ", grows to \(RoomArgument(byteCount: grown))"
  }
}

/// The same, or none.
struct GrowthArgument: ExpressibleByArgument {
  let byteCount: UInt64

  init?(argument: String) {
    if argument == "0" {
      byteCount = 0
    } else {
      guard let room = RoomArgument(argument: argument) else { return nil }
      byteCount = room.byteCount
    }
  }
}

/// A size as people write it: `64K`, `16M`, or in bytes.
struct RoomArgument: ExpressibleByArgument, CustomStringConvertible {
  /// Calls reach 2 GiB on x86-64, of which the distance to the arena takes 1.5; on arm64 128 MiB, of which it takes 64.
  static let allowed: ClosedRange<UInt64> = 4096...128 << 20

  let byteCount: UInt64

  init(byteCount: UInt64) { self.byteCount = byteCount }

  init?(argument: String) {
    let shift: UInt64 =
      switch argument.last {
      case "K": 10
      case "M": 20
      default: 0
      }
    guard let number = UInt64(shift == 0 ? argument[...] : argument.dropLast()), number <= 1 << 32,
      Self.allowed.contains(number << shift)
    else { return nil }
    byteCount = number << shift
  }

  var description: String { byteCount % (1 << 20) == 0 ? "\(byteCount >> 20)M" : "\(byteCount >> 10)K" }
}

enum ObjectPaths {
  /// Folders become the object files in them, in a fixed order.
  static func expanding(_ paths: [String]) throws(CommandError) -> [String] {
    var result: [String] = []
    for path in paths {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw CommandError(.invalidOption, detail: "\(path) does not exist; name an object file or a folder of them")
      }
      guard isFolder.boolValue else {
        result.append(path)
        continue
      }
      let names = (try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []
      result += names.filter { $0.hasSuffix(".o") }.sorted().map { path + "/" + $0 }
    }
    return result
  }
}
