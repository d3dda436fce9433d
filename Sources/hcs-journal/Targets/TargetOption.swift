import Applier
import ArgumentParser

/// What updates are applied to, as the user names it.
enum TargetName: Hashable {
  case process(Int32)
  case image(String)
}

struct TargetOption: ParsableArguments {
  @Option(help: ArgumentHelp("A running process. May be repeated.", valueName: "pid"))
  var pid: [Int32] = []

  @Option(help: ArgumentHelp("A prepared image, as a file. May be repeated.", valueName: "file"))
  var image: [String] = []

  @Flag(help: "Every process that the journal knows to be running.")
  var all = false

  var isNamed: Bool { all || !pid.isEmpty || !image.isEmpty }

  /// Each target once: processes first, the files that they may be started from again last.
  func names(known: [Int32]) throws(CommandError) -> [TargetName] {
    guard isNamed else { throw CommandError(.noTarget) }
    if all, known.isEmpty, pid.isEmpty, image.isEmpty { throw CommandError(.noKnownTarget) }
    var seen: Set<TargetName> = []
    let processes = (pid + (all ? known : [])).map(TargetName.process)
    return (processes + image.map(TargetName.image)).filter { seen.insert($0).inserted }
  }
}

/// How updates are brought to a target.
struct ApplyOptions: ParsableArguments {
  @Flag(help: "Compare and print the plan; write nothing to the target.")
  var dryRun = false

  @Option(
    help: ArgumentHelp("How long to wait for threads to leave what is overwritten.", valueName: "seconds"))
  var timeout: Double = 5

  @Option(
    help: ArgumentHelp(
      "How memory that is not writable is written: through /proc/PID/mem (force), or by making it writable (protect).",
      valueName: "method"))
  var writeMethod: WriteMethod = .force

  @Flag(help: "Overwrite code in place although the program switches stacks by itself, which no check of stacks sees.")
  var assumeNoFibers = false

  @Flag(help: "Stop all threads and write everything while they stand still, also where pointers alone change.")
  var atomic = false

  @Flag(help: "Change an image file although it has other hard links, which keep the old image.")
  var breakLinks = false

  @OptionGroup var signatures: SignatureOption

  func validate() throws {
    guard timeout >= 0, timeout <= 86_400 else { throw ValidationError("--timeout takes 0 to 86400 seconds.") }
  }

  func applier(_ isDryRun: Bool) -> UpdateApplier.Options {
    var options = UpdateApplier.Options()
    options.timeoutNanoseconds = UInt64(timeout * 1e9)
    options.isDryRun = isDryRun
    options.assumesNoSwitchedStacks = assumeNoFibers
    options.isAtomic = atomic
    return options
  }
}

enum WriteMethod: String, ExpressibleByArgument, CaseIterable {
  case force
  case protect
}
