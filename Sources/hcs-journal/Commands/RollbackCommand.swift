import ArgumentParser
import Journal

struct RollbackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback", abstract: "Take targets back: to update N (base is the image as it was linked), or by one."
  )

  @OptionGroup var common: CommonOptions
  @OptionGroup var target: TargetOption
  @OptionGroup var options: ApplyOptions

  @Option(help: ArgumentHelp("The update to go back to: \(UpdateArgument.help).", valueName: "update"))
  var to: UpdateArgument?

  func run() throws { try common.move(target, to, { .rollback($0) }, options) }
}
