import Applier
import ArgumentParser
import Foundation
import Journal

struct BisectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bisect",
    abstract: "Find the first update at which a command fails.",
    discussion: """
      Everything after --test is the command and its arguments; no shell is called. It is run at updates between a good one and \
      a bad one, with a fresh process of the program ($HCSJ_PID), or with the process that --pid names, which is taken there in \
      place. $HCSJ_UPDATE is the update's number, $HCSJ_IMAGE a copy of the image file at that update, $HCSJ_JOURNAL the journal.

      The command ends with 0 where the update is good, with 125 where it cannot tell, with 1 to 127 where it is bad; a signal, or \
      128 and more, ends the search. A process that is named is left at the last good update, and where the search fails, where it was.
      """)

  @OptionGroup var common: CommonOptions

  @Option(help: ArgumentHelp("An update at which it works: \(UpdateArgument.help). Default: base.", valueName: "A"))
  var good: UpdateArgument?

  @Option(
    help: ArgumentHelp(
      "One at which it fails. Default: where the process stands, or the newest.", valueName: "B"))
  var bad: UpdateArgument?

  @Option(help: ArgumentHelp("A running process, to be taken from update to update.", valueName: "pid"))
  var pid: Int32?

  @Flag(help: "Start the program anew for each update. This is the default.")
  var fresh = false

  @Flag(help: "Start nothing: the command has the image file.")
  var file = false

  @Option(
    name: .customLong("arg"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp("An argument of the program that is started. May be repeated.", valueName: "argument"))
  var arguments: [String] = []

  @Flag(help: "Try every update, and refuse where it fails, works and fails again.")
  var every = false

  @OptionGroup var options: BisectApplyOptions

  @Option(
    parsing: .remaining, help: ArgumentHelp("The command, and all its arguments.", valueName: "command argument"))
  var test: [String] = []

  func validate() throws {
    if test.isEmpty { throw ValidationError("Name the command that tells good from bad: --test COMMAND ARGUMENT…") }
    if [pid != nil, fresh, file].count(where: \.self) > 1 {
      throw ValidationError("--pid, --fresh and --file exclude each other.")
    }
    if !arguments.isEmpty, pid != nil || file { throw ValidationError("--arg is for a program that is started.") }
  }

  func run() throws {
    let store = try common.store(.write)
    let subject: BisectSubject = pid.map(BisectSubject.process) ?? (file ? .file : .fresh(arguments))
    let stage = try BisectStage(store: store, subject: subject, options: options.all)
    defer { stage.remove() }
    let origin = try stage.standing()
    let first = try good.map { try store.position($0) } ?? store.base.position
    let last = try bad.map { try store.position($0) } ?? origin ?? store.newestPosition()
    let signals = SignalForwarding()
    var search = BisectSearch(
      stage: stage, command: TestCommand(words: test, signals: signals), signals: signals,
      way: try BisectWay(store, from: first, to: last), isTelling: !common.json && StandardStream.error.isTerminal)
    do {
      var found = try search.run(every: every)
      found.settled = try stage.settle(at: found.lastGood)
      common.emit(found)
    } catch {
      // The command failed, not the process: it goes back to where it was.
      if let origin { _ = try? stage.settle(at: origin) }
      throw error
    }
  }
}

/// What of the options of an apply there is no `--dry-run` for.
struct BisectApplyOptions: ParsableArguments {
  @Option(help: ArgumentHelp("How long to wait for threads to leave what is overwritten.", valueName: "seconds"))
  var timeout: Double = 5

  @Option(help: ArgumentHelp("How memory that is not writable is written: force or protect.", valueName: "method"))
  var writeMethod: WriteMethod = .force

  @Flag(help: "Overwrite code in place although the program switches stacks by itself.")
  var assumeNoFibers = false

  @OptionGroup var signatures: SignatureOption

  func validate() throws { try all.validate() }

  var all: ApplyOptions {
    var options = ApplyOptions()
    options.dryRun = false
    options.timeout = timeout
    options.writeMethod = writeMethod
    options.assumeNoFibers = assumeNoFibers
    options.atomic = false
    options.breakLinks = false
    options.signatures = signatures
    return options
  }
}
