import GRDB

@testable import Journal

extension JournalStore {
  /// An empty journal of the small image.
  static func small(in folder: TemporaryFolder) throws -> JournalStore {
    try create(at: folder.file("a.hcsj"), base: SmallImage.base, content: SmallImage.content)
  }

  /// SQL that no program of ours runs.
  func tamper(_ sql: String) throws { try Self.tamper(sql, path: path) }

  static func tamper(_ sql: String, path: String) throws {
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    try queue.write { try $0.execute(sql: sql) }
    try queue.close()
  }
}

extension GeneratedHistory {
  /// Updates on one line, recorded in a journal.
  init(seed: UInt64, count: Int, in store: JournalStore) throws {
    self.init(seed: seed)
    for _ in 0..<count { try extend(store) }
  }
}
