import Applier
import ArgumentParser
import Foundation
import Journal

struct RunCommand: ParsableCommand {
  static let name = "run"
  static let configuration = CommandConfiguration(
    commandName: name, abstract: "Start the program at update N, or at the newest, and wait for its end.",
    discussion: """
      Standard streams are the program's, signals are passed on to it, and its exit status is that of this command: 128 + n \
      for signal n, 125 where this command itself failed.
      """)

  @OptionGroup var common: CommonOptions

  @Option(help: ArgumentHelp("The update to start at: \(UpdateArgument.help).", valueName: "update"))
  var to: UpdateArgument?

  @Flag(help: "Start at the addresses that the image was linked for.")
  var noASLR = false

  @Flag(help: "Start the image as it was linked, instead of the prepared one.")
  var fromOriginal = false

  @OptionGroup var options: RunOptions
  @OptionGroup var signatures: SignatureOption

  @Argument(help: "The program's arguments; those that begin with a dash follow --.")
  var arguments: [String] = []

  func run() throws {
    let store = try common.store(.write)
    let copy = store.base.isPrepared ? nil : try PrivateCopy(of: store)
    defer { copy?.remove() }
    let path = try copy?.path ?? (fromOriginal ? ImagePaths.original(of: store) : ImagePaths.prepared(of: store))
    let destination = try to.map { try store.position($0) } ?? store.newestPosition()
    try signatures.check([], to: destination.digest, in: store)
    let process = try LiveProcess(
      starting: path, arguments: [path] + arguments, isSlid: !noASLR, base: store.base, options.writeMethod)
    let position = try bring(process.target, to: destination, store)
    let known = process.known(at: position)
    try store.noteTarget(known)
    let status = try process.waitForEnd()
    // What the program did stands; that its entry could not be dropped is put right by the next `targets`.
    try? store.forgetTarget(pid: known.pid, startTime: known.startTime)
    throw ExitCode(status)
  }

  /// A prepared image may stand at an update as a file already, so that the way may lead back as well.
  ///
  /// Where the updates are taken one by one, a long way is gone in parts: no instruction of the program has run, so that nobody
  /// sees a state between, and what it takes does not grow with the history.
  private func bring(
    _ target: LiveTask, to destination: TargetHeader.Position, _ store: JournalStore
  ) throws -> Digest {
    let applier = UpdateApplier(base: store.base)
    var position = try applier.standing(of: target).position
    if store.base.isPrepared, !signatures.areRequired {
      return try store.along(position.digest, destination.digest) { steps in
        try applier.apply(steps, to: destination, on: target).to.digest
      }
    }
    let way = try store.way(from: position.digest, to: destination.digest)
    for start in stride(from: 0, to: way.count, by: Self.updatesAtOnce) {
      let steps = try store.steps(of: way[start..<min(start + Self.updatesAtOnce, way.count)])
      guard let last = steps.last else { break }
      let end = last.direction == .forward ? last.update.digest : last.update.parent
      position = try applier.apply(steps, to: store.position(digest: end), on: target).to
    }
    return position.digest
  }

  private static let updatesAtOnce = 2048
}

struct RunOptions: ParsableArguments {
  @Option(help: ArgumentHelp("How memory that is not writable is written: force or protect.", valueName: "method"))
  var writeMethod: WriteMethod = .force
}

/// Where the images of a journal are: where they were when it was made, else beside it.
enum ImagePaths {
  static func prepared(of store: JournalStore) throws(CommandError) -> String {
    try found(store.base.preparedPath, beside: store.path)
  }

  static func original(of store: JournalStore) throws(CommandError) -> String {
    try found(store.base.originalPath, beside: store.path)
  }

  private static func found(_ path: String, beside journal: String) throws(CommandError) -> String {
    let name = URL(fileURLWithPath: path).lastPathComponent
    let moved = URL(fileURLWithPath: journal).deletingLastPathComponent().appendingPathComponent(name).path
    if let path = [path, moved].first(where: FileManager.default.isExecutableFile) { return path }
    throw CommandError(.noImageToRun, detail: path)
  }
}
