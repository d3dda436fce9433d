import Foundation
import Testing

@testable @_spi(Fuzzing) import Journal

/// What the fuzzers keep, read again: nothing of it may trap, and no value may have two forms.
@Suite struct FuzzCorpusTests {
  private static let fuzz = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fuzz")

  private func inputs(_ kind: String) -> [[UInt8]] {
    ["Corpus", "FailCases"].flatMap { folder -> [[UInt8]] in
      let url = Self.fuzz.appendingPathComponent(folder).appendingPathComponent(kind)
      let files = (try? FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: nil)) ?? []
      return files.compactMap { try? [UInt8](Data(contentsOf: $0)) }
    }
  }

  @Test func `updates, records and headers of the corpus are refused or have one form`() throws {
    let inputs = inputs("update")
    #expect(inputs.count >= 4)
    for bytes in inputs {
      if let content = try? UpdateCoding.decode(bytes) { #expect(try UpdateCoding.encode(content) == bytes) }
      if let record = try? UpdateRecord(decoding: bytes) { #expect(try record.encoded() == bytes) }
      if let shortcut = (try? ShortcutCoding.decode(bytes))?.shortcut {
        #expect(try ShortcutCoding.encode(shortcut) == bytes)
      }
      if let block = try? FreshBlockCoding.decode(bytes) { #expect(FreshBlockCoding.encode(block) == bytes) }
      if let header = (try? TargetHeader.decode(bytes)) ?? nil {
        #expect(header.encoded() == Array(bytes.prefix(TargetHeader.byteCount)))
      }
    }
  }

  @Test func `blocks of the corpus are refused or have the length that was asked for`() {
    let inputs = inputs("lz4").filter { $0.count >= 4 }
    #expect(inputs.count >= 3)
    for bytes in inputs {
      let expected = Int(bytes[2]) << 8 | Int(bytes[3])
      let dictionary = Array(bytes.dropFirst(4).prefix(Int(bytes[0]) << 8 | Int(bytes[1])))
      let block = Array(bytes.dropFirst(4 + dictionary.count))
      if let decoded = try? LZ4Block.decompress(block, byteCount: expected, dictionary: dictionary) {
        #expect(decoded.count == expected)
      }
    }
  }

  @Test func `keys of the corpus are refused by name or have a line of their own`() throws {
    let inputs = inputs("key")
    #expect(inputs.count >= 7)
    var signing = 0
    var reading = 0
    for bytes in inputs {
      let text = String(decoding: bytes, as: UTF8.self)
      if let key = try? KeyCoding.signingKey(text) {
        signing += 1
        #expect(try KeyCoding.signingKey(KeyCoding.text(of: key)).publicKey == key.publicKey)
      }
      for key in (try? KeyCoding.publicKeys(text)) ?? [] {
        reading += 1
        #expect(try KeyCoding.publicKeys(KeyCoding.line(of: key, comment: "")) == [key])
      }
    }
    #expect(signing >= 2)
    #expect(reading >= 4)
  }

  @Test func `bundles of the corpus leave a journal as it was, or sound`() throws {
    let inputs = inputs("bundle")
    #expect(inputs.count >= 4)
    let golden = Self.fuzz.deletingLastPathComponent().appendingPathComponent("Fixtures/golden/v4/journal.db")
    var taken = 0
    for bytes in inputs {
      let folder = try TemporaryFolder()
      try FileManager.default.copyItem(atPath: golden.path, toPath: folder.file("a.hcsj"))
      let store = try JournalStore.open(at: folder.file("a.hcsj"), mode: .write)
      var bundle = bytes
      if bundle.count >= 44 { bundle.replaceSubrange(12..<44, with: store.base.digest.bytes) }
      bundle += Digest.sha256(of: bundle).bytes
      try Data(bundle).write(to: URL(fileURLWithPath: folder.file("b.hcsb")))
      let before = try store.log().count
      let imported = try? store.importBundle(at: folder.file("b.hcsb"))
      taken += imported == nil ? 0 : 1
      #expect(try store.log().count == before + (imported?.added.count ?? 0))
      #expect(try store.verify().isSound)
    }
    #expect(taken >= 2)
  }

  @Test(.enabled(if: ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1"))
  func `the corpus' seeds are made anew`() throws {
    func keep(_ kind: String, _ name: String, _ bytes: [UInt8]) throws {
      let folder = Self.fuzz.appendingPathComponent("Corpus").appendingPathComponent(kind)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data(bytes).write(to: folder.appendingPathComponent(name))
    }
    for seed: UInt64 in [3, 5, 8, 11, 12, 30] {
      var generator = ContentGenerator(seed: seed)
      try keep("update", "content-\(seed)", try UpdateCoding.encode(generator.content()))
    }
    try keep("update", "golden-content", try UpdateCoding.encode(GoldenJournalTests.update))
    try keep(
      "update", "golden-record",
      try UpdateRecord(parent: SmallImage.base.digest, content: GoldenJournalTests.update).encoded())
    let header = TargetHeader(
      base: .sha256(of: [1]), position: .init(digest: .sha256(of: [2]), number: UpdateNumber(5)),
      intent: .init(direction: .forward, destination: .init(digest: .sha256(of: [3]), number: UpdateNumber(6))))
    try keep("update", "header", header.encoded())
    let covered = Shortcut.Covered(
      digest: .sha256(of: [4]), operationCount: 2, skeleton: GoldenJournalTests.update.skeleton)
    let shortcut = Shortcut(
      from: SmallImage.base.digest, covered: [covered, covered], content: GoldenJournalTests.update)
    try keep("update", "shortcut", try ShortcutCoding.encode(shortcut))
    try keep("update", "fresh-block", FreshBlockCoding.encode(StretchTests.writes))
    let old = Array(SmallImage.file.prefix(300))
    let new = Array(old.prefix(100)) + [1, 2, 3] + Array(old.dropFirst(100))
    let plain = [UInt8](repeating: 7, count: 200)
    func input(_ dictionary: [UInt8], _ count: Int, _ block: [UInt8]) -> [UInt8] {
      [UInt8(dictionary.count >> 8), UInt8(dictionary.count & 255), UInt8(count >> 8), UInt8(count & 255)]
        + dictionary + block
    }
    try keep("lz4", "dictionary", input(old, 303, LZ4Block.compress(new, dictionary: old) ?? []))
    try keep("lz4", "plain", input([], 200, LZ4Block.compress(plain) ?? []))
    try keep("lz4", "too-long", input([], 65_535, LZ4Block.compress(plain) ?? []))
    Issue.record("the corpus' seeds were written; look at what changed")
  }
}
