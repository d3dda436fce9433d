import ArgumentParser
import Journal

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Take targets forward: to update N, or to the newest.")

  @OptionGroup var common: CommonOptions
  @OptionGroup var target: TargetOption
  @OptionGroup var options: ApplyOptions

  @Option(help: ArgumentHelp("The update to reach: \(UpdateArgument.help).", valueName: "update"))
  var to: UpdateArgument?

  func run() throws { try common.move(target, to, { .replay($0) }, options) }
}

extension CommonOptions {
  /// Takes the targets there and tells what became of each.
  func move(
    _ target: TargetOption, _ to: UpdateArgument?, _ way: (UpdateNumber?) -> TargetMover.Way, _ options: ApplyOptions
  ) throws {
    guard target.isNamed else { throw CommandError(.noTarget) }
    let store = try store(.write)
    let mover = TargetMover(store: store, options: options, isDryRun: options.dryRun)
    let names = try target.names(known: target.all ? store.runningTargets().map(\.pid) : [])
    let results = mover.move(names, way(try to.map { try store.position($0).number }))
    emit(TargetResults(results: results))
    results.reportFailures(isJSON: json)
    try results.status.end()
  }
}
