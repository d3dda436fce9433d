import Addressing
import Applier
import ArgumentParser
import Foundation
import Journal

struct AtCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "at",
    abstract: "Tell what stands at addresses: atom, update, line of the source, and what stood there before.",
    discussion: """
      Addresses are those of the image as linked, or of a process or core file where one is named. Without any, text is read \
      from standard input and written again with what stands there behind each address: a filter for backtraces.
      """)

  @OptionGroup var common: CommonOptions

  @Argument(help: "Hexadecimal addresses.")
  var addresses: [String] = []

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("At this update: \(UpdateArgument.help). Default: head.", valueName: "update"))
  var update: UpdateArgument?

  @Option(help: ArgumentHelp("At what was the newest update then: \(TimeArgument.help).", valueName: "time"))
  var time: TimeArgument?

  @Option(help: ArgumentHelp("Addresses of a running process, at the update that it stands at.", valueName: "pid"))
  var pid: Int32?

  @Option(
    help: ArgumentHelp(
      "Addresses of the process that left this core file, at the update it stood at.", valueName: "file"))
  var core: String?

  @Option(help: ArgumentHelp("Runtime address minus address as linked, hexadecimal.", valueName: "slide"))
  var slide: String?

  @Flag(help: "With --core: where each thread was.")
  var threads = false

  @Flag(help: "The addresses are return addresses: tell the line of the call before each.")
  var returnAddresses = false

  func validate() throws {
    if [pid != nil, core != nil, slide != nil].filter({ $0 }).count > 1 {
      throw ValidationError("--pid, --core and --slide exclude one another: each tells the slide.")
    }
    if update != nil, time != nil { throw ValidationError("--update and --time exclude one another.") }
    if threads, core == nil { throw ValidationError("--threads needs --core FILE.") }
    for word in addresses + (slide.map { [$0] } ?? []) where Self.number(word) == nil {
      throw ValidationError("\(word) is not a hexadecimal number of at most 64 bits.")
    }
  }

  func run() throws {
    let store = try common.store(.read)
    let view = try ImageView(store: store, pid: pid, core: core, slide: slide.flatMap(Self.number))
    let position =
      try update.map { try store.position($0) } ?? time.map { try store.position(asOf: $0.milliseconds) }
      ?? view.position(in: store)
    var book = AddressBook(
      store: store, position: position, slide: view.slide, areReturnAddresses: returnAddresses)
    if threads { return common.emit(try ThreadPlaces(view: view, position: position, book: &book)) }
    if addresses.isEmpty { return try filter(&book, view) }
    let answers = try addresses.compactMap(Self.number).map { try book.answer($0) }
    common.emit(Answers(view: view, position: position, answers: answers))
    if answers.allSatisfy({ $0.history == nil }) { try ExitStatus.failed.end() }
  }

  /// Line by line, so that it serves a pipe that never ends. With `--json` the addresses alone, when the text ends.
  private func filter(_ book: inout AddressBook, _ view: ImageView) throws {
    var answers: [AddressAnswer] = []
    var input = StandardInput()
    while let line = input.line() {
      var result: [UInt8] = []
      var copied = 0
      for match in AddressFilter.addresses(in: line) {
        let answer = try book.answer(match.address)
        if answer.history != nil { answers.append(answer) }
        guard let annotation = answer.annotation else { continue }
        result += line[copied..<match.range.upperBound] + Array(" \(annotation)".utf8)
        copied = match.range.upperBound
      }
      if !common.json { StandardStream.output.write(bytes: result + line[copied...]) }
    }
    if common.json { common.emit(Answers(view: view, position: book.position, answers: answers)) }
  }

  static func number(_ word: String) -> UInt64? {
    let digits = word.hasPrefix("0x") || word.hasPrefix("0X") ? String(word.dropFirst(2)) : word
    return digits.isEmpty || digits.hasPrefix("+") || digits.hasPrefix("-") ? nil : UInt64(digits, radix: 16)
  }
}

private struct Answers: CommandOutput {
  let view: ImageView
  let position: TargetHeader.Position
  let answers: [AddressAnswer]

  var json: JSONValue { .object(view.members(position) + [("addresses", .array(answers.map(\.json)))]) }

  func lines(_ style: TextStyle) -> [String] {
    view.notes.map { style.yellow("note: ") + $0 } + answers.flatMap { $0.lines(style) }
  }
}

private struct ThreadPlaces: CommandOutput {
  let view: ImageView
  let position: TargetHeader.Position
  let threads: [(id: Int32, answer: AddressAnswer)]

  init(view: ImageView, position: TargetHeader.Position, book: inout AddressBook) throws {
    self.view = view
    self.position = position
    threads = try view.threads.map { (id: $0.id, answer: try book.answer($0.programCounter.rawValue)) }
  }

  var json: JSONValue {
    .object(
      view.members(position) + [
        ("threads", .array(threads.map { .object([("thread", .count($0.id)), ("place", $0.answer.json)]) }))
      ])
  }

  func lines(_ style: TextStyle) -> [String] {
    view.notes.map { style.yellow("note: ") + $0 } + ["\(view.name ?? ""): at \(style.bold(position.number.title))"]
      + threads.flatMap { thread in ["thread \(thread.id)"] + thread.answer.lines(style).map { "  " + $0 } }
  }
}
