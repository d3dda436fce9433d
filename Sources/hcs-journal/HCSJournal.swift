import ArgumentParser
import Foundation

@main
struct HCSJournal: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hcs-journal",
    abstract: "Links changed code into a running program and its file, and keeps every update in a journal.",
    discussion: """
      Updates are applied to running processes and to files alike, and taken back as well. \
      Exit status: 0 done; 1 refused or failed, the target untouched or rolled back; 2 the target is torn, `verify` is next; \
      64 wrong usage. `run` has the program's own status, and 125 where it failed itself.
      """,
    version: "0.1.0",
    subcommands: [
      InitCommand.self, RecordCommand.self, RunCommand.self, ReplayCommand.self, RollbackCommand.self,
      LogCommand.self, ShowCommand.self, AtCommand.self, SymbolCommand.self, DiffCommand.self, TagCommand.self,
      RevertCommand.self, BisectCommand.self,
      SquashCommand.self, PruneCommand.self, ExportCommand.self, ImportCommand.self, TargetsCommand.self,
      VerifyCommand.self,
      KeyCommand.self, SignCommand.self,
    ])

  /// The parser's own `main` would print errors in its words and map all of them to one status.
  static func main() {
    let words = LeadingOptions.moved(Array(CommandLine.arguments.dropFirst()))
    do {
      var command = try parsed(words)
      try command.run()
    } catch {
      // What follows these is for another program.
      let isJSON = words.prefix { $0 != "--" && $0 != "--test" }.contains("--json")
      Failure(error, ofRun: words.first == RunCommand.name).exit(isJSON: isJSON)
    }
  }

  /// A command that is asked to parse its own words spares the parser all the others and the root. What it does not take is parsed
  /// from the root again: help and errors name the whole command line.
  private static func parsed(_ words: [String]) throws -> any ParsableCommand {
    let named = configuration.subcommands.first { $0.configuration.commandName == words.first }
    if let named, let command = try? named.parseAsRoot(Array(words.dropFirst())), type(of: command) == named {
      return command
    }
    return try parseAsRoot(words)
  }
}
