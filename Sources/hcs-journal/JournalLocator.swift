import Foundation

/// Which journal a command is about.
enum JournalLocator {
  static let fileExtension = "hcsj"
  private static let variable = "HCS_JOURNAL"

  static func path(named name: String?) throws(CommandError) -> String {
    if let name { return name }
    if let path = ProcessInfo.processInfo.environment[variable], !path.isEmpty { return path }
    let files = (try? FileManager.default.contentsOfDirectory(atPath: ".")) ?? []
    let journals = files.filter { $0.hasSuffix("." + fileExtension) }.sorted()
    switch journals.count {
    case 0: throw CommandError(.journalNotNamed)
    case 1: return journals[0]
    default: throw CommandError(.severalJournals, detail: journals.joined(separator: ", "))
    }
  }
}
