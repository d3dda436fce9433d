import Applier
import Journal

/// The positions from a good one to a bad one, and the steps between.
struct BisectWay {
  let store: JournalStore
  let positions: [TargetHeader.Position]
  let steps: [Step]

  init(_ store: JournalStore, from first: TargetHeader.Position, to last: TargetHeader.Position) throws {
    self.store = store
    steps = try store.steps(from: first.digest, to: last.digest)
    guard !steps.isEmpty else { throw CommandError(.bisectNothing, update: first.number) }
    positions =
      try [first]
      + steps.map { step in
        try store.position(digest: step.direction == .forward ? step.update.digest : step.update.parent)
      }
  }
}

/// Runs the command where the search wants it.
struct BisectSearch {
  let stage: BisectStage
  let command: TestCommand
  let signals: SignalForwarding
  let way: BisectWay
  /// Whether somebody watches.
  let isTelling: Bool
  private var trials: [BisectFinding.Trial] = []

  init(stage: BisectStage, command: TestCommand, signals: SignalForwarding, way: BisectWay, isTelling: Bool) {
    self.stage = stage
    self.command = command
    self.signals = signals
    self.way = way
    self.isTelling = isTelling
  }

  mutating func run(every: Bool) throws -> BisectFinding {
    let last = way.positions.count - 1
    try checkEnds()
    var search = Bisection(last: last)
    if every {
      var verdicts: [Bisection.Verdict] = [.good]
      for index in 1..<last { verdicts.append(try verdict(at: index)) }
      try checkOrder(verdicts + [.bad])
      for (index, verdict) in verdicts.enumerated() { search.record(verdict, at: index) }
    } else {
      while let index = search.next { search.record(try verdict(at: index), at: index) }
    }
    return BisectFinding(way: way, trials: trials, good: search.good, suspects: search.suspects)
  }

  private mutating func checkEnds() throws {
    let (first, last) = (way.positions[0], way.positions[way.positions.count - 1])
    let atFirst = try verdict(at: 0)
    if atFirst == .skipped { throw CommandError(.bisectEndSkipped, update: first.number) }
    let atLast = try verdict(at: way.positions.count - 1)
    switch (atFirst, atLast) {
    case (.good, .bad): return
    case (_, .skipped): throw CommandError(.bisectEndSkipped, update: last.number)
    case (.bad, .good): throw CommandError(.bisectReversed, position: first.number, update: last.number)
    case (.bad, _): throw CommandError(.bisectBadAtGood, update: first.number)
    default: throw CommandError(.bisectNeverFails, position: first.number, update: last.number)
    }
  }

  private func checkOrder(_ verdicts: [Bisection.Verdict]) throws(CommandError) {
    let told = zip(way.positions, verdicts).filter { $0.1 != .skipped }
    let changes = zip(told, told.dropFirst()).count { $0.1 != $1.1 }
    guard changes > 1 else { return }
    let list = told.map { "\($0.0.number) \($0.1.rawValue)" }.joined(separator: ", ")
    throw CommandError(.bisectNotMonotone, detail: list)
  }

  private mutating func verdict(at index: Int) throws -> Bisection.Verdict {
    let position = way.positions[index]
    let status = try stage.run(command, at: position)
    if let signal = signals.signalCaught {
      throw CommandError(.testAborted, update: position.number, detail: "this program was sent signal \(signal)")
    }
    guard status < 128 else {
      throw CommandError(
        .testAborted, update: position.number, detail: status > 128 ? "signal \(status - 128)" : "status \(status)")
    }
    let verdict: Bisection.Verdict = status == 0 ? .good : status == 125 ? .skipped : .bad
    let trial = BisectFinding.Trial(position: position, status: status, verdict: verdict)
    trials.append(trial)
    if isTelling { StandardStream.error.write(trial.line(.plain)) }
    return verdict
  }
}

/// What a search has found.
struct BisectFinding: CommandOutput {
  struct Trial {
    let position: TargetHeader.Position
    let status: Int32
    let verdict: Bisection.Verdict

    func line(_ style: TextStyle) -> String {
      let word =
        switch verdict {
        case .good: style.green("good")
        case .bad: style.red("bad") + " (status \(status))"
        case .skipped: style.yellow("skipped")
        }
      return "\(position.number.title): \(word)"
    }
  }

  let way: BisectWay
  let trials: [Trial]
  let good: Int
  let suspects: ClosedRange<Int>
  /// Of a running process, which was left at the last good update.
  var settled: ApplyReport?

  var lastGood: TargetHeader.Position { way.positions[good] }

  /// The step on which it first fails; nil where one of several is.
  private var step: Step? { suspects.count == 1 ? way.steps[suspects.lowerBound - 1] : nil }

  init(way: BisectWay, trials: [Trial], good: Int, suspects: ClosedRange<Int>) {
    self.way = way
    self.trials = trials
    self.good = good
    self.suspects = suspects
  }

  private func summary(_ number: UpdateNumber) -> UpdateSummary? { try? way.store.summary(number) }

  var json: JSONValue {
    .object([
      ("good", lastGood.json), ("bad", way.positions[suspects.upperBound].json),
      (
        "tests",
        .array(
          trials.map {
            .object([
              ("position", $0.position.json), ("status", .integer(Int64($0.status))),
              ("verdict", .string($0.verdict.rawValue)),
            ])
          })
      ),
      ("first", step.flatMap { summary($0.update.number) }.map { .object($0.members) }),
      ("direction", step.map { .string($0.direction == .forward ? "forward" : "backward") }),
      ("atoms", step.map { .array($0.update.content.atoms.map(\.json)) }),
      ("suspects", step == nil ? .array(suspects.map { way.positions[$0].json }) : nil),
      ("target", settled.map { .object($0.members) }),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    trials.map { $0.line(style) } + verdictLines(style) + (settled?.lines(style) ?? [])
  }

  private func verdictLines(_ style: TextStyle) -> [String] {
    guard let step else {
      let names = suspects.map { way.positions[$0].number.title }.joined(separator: ", ")
      return ["one of these is the first at which it fails, the others were skipped: \(names)"]
    }
    let name = style.bold(step.update.number.title)
    let title =
      step.direction == .forward
      ? "\(name) is the first at which it fails" : "it fails from where \(name) is taken back"
    let message = step.update.content.message.split(separator: "\n", omittingEmptySubsequences: false)
    return [title] + (summary(step.update.number).map { [$0.titleLine(style)] } ?? [])
      + message.map { "    \($0)" } + step.update.content.atoms.map { "  " + $0.line(style) }
  }
}
