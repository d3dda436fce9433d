import Driver
import Foundation
import Journal

/// A bundle that is handed to a journal. Its digest is made right, and its base the journal's, or nothing would get past them: all or
/// none of its updates are taken, and the journal is sound afterwards.
@_cdecl("FuzzBundle_main")
public func fuzzMain(_ count: CInt, _ arguments: FuzzArguments) -> CInt {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("fuzz-bundle-\(getpid())")
  // `run` stands in Tests/Fuzz.
  let golden = URL(fileURLWithPath: "../Fixtures/golden/v4/journal.db")
  let journal = folder.appendingPathComponent("journal.hcsj")
  let path = folder.appendingPathComponent("bundle").path
  var inputs = 0
  var store = open(golden, as: journal)
  return fuzz(count, arguments) { bytes in
    inputs += 1
    // What was taken would be known from then on.
    if inputs.isMultiple(of: 1000) { store = open(golden, as: journal) }
    var bundle = bytes
    if bundle.count >= 44 { bundle.replaceSubrange(12..<44, with: store.base.digest.bytes) }
    bundle += Digest.sha256(of: bundle).bytes
    precondition(FileManager.default.createFile(atPath: path, contents: Data(bundle)), "no room for a bundle")
    let before = (try? store.log().count) ?? -1
    let added = (try? store.importBundle(at: path))?.added.count
    precondition((try? store.log().count) == before + (added ?? 0), "a refused bundle has left something")
    if added ?? 0 > 0 { precondition((try? store.verify().isSound) == true, "a bundle has damaged the journal") }
  }
}

private func open(_ golden: URL, as journal: URL) -> JournalStore {
  let manager = FileManager.default
  try? manager.removeItem(at: journal.deletingLastPathComponent())
  do {
    try manager.createDirectory(at: journal.deletingLastPathComponent(), withIntermediateDirectories: true)
    try manager.copyItem(at: golden, to: journal)
    return try JournalStore.open(at: journal.path, mode: .write)
  } catch { preconditionFailure("the golden journal cannot be opened: \(error)") }
}
