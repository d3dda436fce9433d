import ArgumentParser
import Journal

struct RollbackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback", abstract: "Take targets back: to update N (0 is the base image), or by one.")

  @OptionGroup var common: CommonOptions
  @OptionGroup var target: TargetOption
  @OptionGroup var options: ApplyOptions

  @Option(help: ArgumentHelp("The update to go back to.", valueName: "number"))
  var to: Int64?

  func run() throws { try common.move(target, .rollback(to.map { UpdateNumber($0) }), options) }
}
