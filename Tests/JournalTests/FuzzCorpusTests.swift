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
