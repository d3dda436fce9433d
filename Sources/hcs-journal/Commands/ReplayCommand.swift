import ArgumentParser
import Journal

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Take targets forward: to update N, or to the newest.")

  @OptionGroup var common: CommonOptions
  @OptionGroup var target: TargetOption
  @OptionGroup var options: ApplyOptions

  @Option(help: ArgumentHelp("The update to reach.", valueName: "number"))
  var to: Int64?

  func run() throws { try common.move(target, .replay(to.map { UpdateNumber($0) }), options) }
}

extension CommonOptions {
  /// Takes the targets there and tells what became of each.
  func move(_ target: TargetOption, _ way: TargetMover.Way, _ options: ApplyOptions) throws {
    guard target.isNamed else { throw CommandError(.noTarget) }
    let store = try store(.write)
    let mover = TargetMover(store: store, options: options, isDryRun: options.dryRun)
    let names = try target.names(known: target.all ? store.runningTargets().map(\.pid) : [])
    let results = mover.move(names, way)
    emit(TargetResults(results: results))
    results.reportFailures(isJSON: json)
    try results.status.end()
  }
}
