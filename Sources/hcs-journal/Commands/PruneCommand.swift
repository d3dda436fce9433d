import Applier
import ArgumentParser
import Foundation
import Journal

struct PruneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Drop what the updates after A up to B did one by one, where a shortcut from A to B does it in one step.",
    discussion: """
      Who recorded them, when and why, and which atoms they changed, stays in the journal; targets go from A to B and back in one \
      step. What a tag names, where a branch begins and where a target stands is not pruned.
      """)

  @OptionGroup var common: CommonOptions

  @Argument(help: ArgumentHelp("The ends of a shortcut (see `squash`).", valueName: "A..B"))
  var range: UpdateRangeArgument?

  @Option(help: ArgumentHelp("The same as base..N.", valueName: "update"))
  var before: UpdateArgument?

  @Flag(help: "Tell what would go, and drop nothing.")
  var dryRun = false

  func validate() throws {
    if (range == nil) == (before == nil) { throw ValidationError("Name the updates: A..B, or --before N.") }
  }

  func run() throws {
    let store = try common.store(dryRun ? .read : .write)
    let range =
      try range.map { try store.range($0) }
      ?? ShortcutRange(from: .base, to: before.map { try store.position($0).number } ?? .base)
    let running = try store.runningTargets()
    var report = try store.pruneReport(range)
    try Bystanders(store: store, updates: report.updates.dropLast()).refuse(running)
    let draft = try store.shortcutDraft(range)
    var warnings = try [unsignedShortcut(range, draft, store)].compactMap(\.self)
    var sizes: (before: UInt64, after: UInt64)?
    if !dryRun {
      try ShortcutProof(base: store.base).check(store.shortcutStep(range), against: draft.updates)
      report = try store.prune(range)
      do {
        sizes = try store.compact()
      } catch {
        // They are gone all the same.
        warnings.append("the journal's file could not be made smaller yet: \(error)")
      }
    }
    common.emit(Pruned(path: store.path, report: report, isDryRun: dryRun, sizes: sizes, warnings: warnings))
  }

  /// Whoever requires signatures asks for the shortcut's, for it is what is applied.
  private func unsignedShortcut(
    _ range: ShortcutRange, _ draft: ShortcutDraft, _ store: JournalStore
  ) throws -> String? {
    guard let shortcut = try store.shortcut(range), try store.signatures(ofShortcut: shortcut.digest).isEmpty,
      let signed = try draft.updates.first(where: { try !store.signatures(of: $0.digest).isEmpty })
    else { return nil }
    return "\(signed.number.title) is signed and the shortcut is not; sign it with: hcs-journal sign KEY "
      + "\(range.from.rawValue)..\(range.to.rawValue)"
  }
}

/// Who stands where nobody can stand any more, whatever the journal has noted.
private struct Bystanders {
  let store: JournalStore
  let digests: [Digest: UpdateNumber]

  init(store: JournalStore, updates: some Sequence<UpdateNumber>) throws(JournalError) {
    self.store = store
    var digests: [Digest: UpdateNumber] = [:]
    for number in updates { digests[try store.digest(of: number)] = number }
    self.digests = digests
  }

  /// Processes say themselves where they stand; so does the image's file.
  func refuse(_ processes: [KnownTarget]) throws {
    for known in processes {
      guard let glance = try? ProcessGlance(known.pid, base: store.base) else { continue }
      try refuse(glance.standing, "process \(known.pid) (\(known.path))")
    }
    let path = store.base.preparedPath
    guard FileManager.default.fileExists(atPath: path), let image = try? OpenTarget(.image(path), store: store),
      let standing = try? UpdateApplier(base: store.base).standing(of: image.target)
    else { return }
    try refuse(standing, "the image \(path)")
  }

  private func refuse(_ standing: TargetStanding, _ name: String) throws(JournalError) {
    var places = [standing.position]
    if case .torn(_, let intent) = standing { places.append(intent.destination) }
    for place in places {
      guard let update = digests[place.digest] else { continue }
      throw JournalError(.targetBetween, journal: store.path, update: update, name: name)
    }
  }
}

private struct Pruned: CommandOutput {
  let path: String
  let report: PruneReport
  let isDryRun: Bool
  /// Of the journal's files; nil where they stayed as they were.
  let sizes: (before: UInt64, after: UInt64)?
  let warnings: [String]

  var json: JSONValue {
    .object([
      ("journal", .string(path)), ("dryRun", .boolean(isDryRun)), ("range", report.range.json),
      ("updates", .array(report.updates.map { .integer($0.rawValue) })),
      ("droppedShortcuts", .array(report.droppedShortcuts.map(\.json))),
      ("payloadCount", isDryRun ? nil : .count(report.payloadCount)),
      ("byteCountBefore", sizes.map { .count($0.before) }), ("byteCount", sizes.map { .count($0.after) }),
      ("warnings", warnings.isEmpty ? nil : .array(warnings.map(JSONValue.string))),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    let what = style.bold(report.updates.count.counted("update"))
    let title =
      isDryRun
      ? "would prune \(what) into the shortcut \(report.range); nothing was dropped"
      : "pruned \(what) into the shortcut \(report.range): \(report.payloadCount.counted("byte string")) dropped"
        + (sizes.map { ", \($0.before) → \($0.after) bytes" } ?? "")
    return [title] + report.droppedShortcuts.map { "  the shortcut \($0) goes with them" }
      + warnings.map { style.yellow("  " + $0) }
  }
}
