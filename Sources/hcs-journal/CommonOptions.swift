import ArgumentParser
import Journal
import Logging

/// What every command takes. The options may also stand before the command.
struct CommonOptions: ParsableArguments {
  @Option(
    name: [.customShort("j"), .long],
    help: ArgumentHelp(
      "The journal. Default: $HCS_JOURNAL, or the only *.hcsj in the current folder.", valueName: "file"))
  var journal: String?

  @Flag(help: "Print one JSON object instead of text.")
  var json = false

  @Flag(name: .shortAndLong, help: "Tell on standard error what is done.")
  var verbose = false

  func store(_ mode: JournalStore.Mode) throws -> JournalStore {
    let path = try JournalLocator.path(named: journal)
    log.debug("opening \(path)")
    return try JournalStore.open(at: path, mode: mode)
  }

  func emit(_ output: some CommandOutput) {
    if json { return StandardStream.output.write(output.json.text) }
    let lines = output.lines(.standardOutput)
    if !lines.isEmpty { StandardStream.output.write(lines.joined(separator: "\n")) }
  }

  var log: Logger {
    var logger = Logger(label: "hcs-journal") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = verbose ? .debug : .warning
    return logger
  }
}
