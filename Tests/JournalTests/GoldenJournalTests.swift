import Addressing
import Foundation
import Journal
import Testing

/// Journals and updates as released versions wrote them: they are read for ever, and made once, under
/// `RECORD_SNAPSHOTS=1`, in a run that fails.
@Suite struct GoldenJournalTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// A version of the schema and of the encoding, with the update that its journal begins with.
  struct Version: CustomTestStringConvertible, Sendable {
    var number: Int
    var update: UpdateContent
    var tags: [String] = []
    var isSigned = false
    /// What it has as one step, signed as the first update is, with the updates beside it for the next range.
    var pruned: ShortcutRange?
    var intents: [NotedIntent] = []
    var count: Int = 9

    var folder: URL { GoldenJournalTests.root.appendingPathComponent("Tests/Fixtures/golden/v\(number)") }
    var testDescription: String { "version \(number)" }

    func golden(_ name: String) throws -> [UInt8] {
      [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    /// A copy of the golden journal: to read one, SQLite makes files beside it.
    func open(in copy: TemporaryFolder, mode: JournalStore.Mode) throws -> JournalStore {
      let path = copy.file("journal.db")
      try FileManager.default.copyItem(atPath: folder.appendingPathComponent("journal.db").path, toPath: path)
      return try JournalStore.open(at: path, mode: mode)
    }
  }

  static let versions = [
    Version(number: 1, update: update), Version(number: 2, update: second, tags: ["first"]),
    Version(number: 3, update: second, tags: ["first"], isSigned: true),
    Version(number: 4, update: second, tags: ["first"], isSigned: true),
    Version(number: 5, update: third, tags: ["first"], isSigned: true),
    Version(number: 6, update: third, tags: ["first"], isSigned: true),
    Version(number: 7, update: third, tags: ["first"], isSigned: true),
    Version(number: 8, update: third, tags: ["first"], isSigned: true, pruned: ShortcutRange(2, 7)),
    Version(
      number: 9, update: third, tags: ["first"], isSigned: true, pruned: ShortcutRange(2, 7),
      intents: [processIntent, imageIntent]),
    Version(
      number: 10, update: third, tags: ["first"], isSigned: true, pruned: ShortcutRange(2, 7),
      intents: [processIntent, imageIntent]),
    Version(
      number: 11, update: third, tags: ["first"], isSigned: true, pruned: ShortcutRange(2, 7),
      intents: [processIntent, imageIntent], count: 130),
    Version(
      number: 12, update: third, tags: ["first"], isSigned: true, pruned: ShortcutRange(2, 7),
      intents: [processIntent, imageIntent], count: 130),
  ]

  static let processIntent = NotedIntent(
    target: .process(ProcessLife(pid: 12, startTime: 99), path: "/usr/bin/small"), origin: SmallImage.base.digest,
    destination: .zero, direction: .forward, since: 1_700_000_000_000, applier: ProcessLife(pid: 13, startTime: 100))
  static let imageIntent = NotedIntent(
    target: .image(path: "/usr/bin/small.hot"), origin: .zero, destination: SmallImage.base.digest,
    direction: .backward, since: 1_700_000_000_001, applier: ProcessLife(pid: 14, startTime: 101))

  /// With lines of the source.
  static let second: UpdateContent = {
    var content = update
    content.sources = SourceMap(
      files: ["/src/step.c", "/src/step.h"],
      bodies: [
        BodyLines(
          start: VirtualAddress(0x100_0000), byteCount: 6,
          rows: [
            BodyLines.Row(offset: 0, file: 0, line: 12), BodyLines.Row(offset: 1, file: 1, line: 3),
            BodyLines.Row(offset: 5, file: 0, line: 13),
          ])
      ])
    return content
  }()

  /// And told whose the function is.
  static let third: UpdateContent = {
    var content = second
    content.atoms[0].definer = CompilationUnit(name: "step.c")
    return content
  }()

  static let update = UpdateContent(
    time: 1_700_000_000_000, author: "ada", message: "step: call main", sourceRevision: "r1",
    operations: [
      .write(
        WriteOperation(
          place: .virtual(VirtualAddress(0x100_0000)), before: [0, 0, 0, 0, 0, 0],
          after: [0xe8, 0xfb, 0x00, 0x40, 0xff, 0xc3],
          fixups: [
            Fixup(offset: 1, kind: .relative32, target: VirtualAddress(0x40_0100), addend: -4)
          ], isFresh: true)),
      .pointer(
        PointerOperation(
          cell: VirtualAddress(0x120_1000), before: nil, after: VirtualAddress(0x100_0000), wordBefore: 0,
          wordAfter: 0x100_0000,
          records: [FileEdit(offset: FileOffset(0x1900), before: [0, 0], after: [8, 0])], isFresh: true)),
    ],
    atoms: [
      AtomChange(
        atom: AtomIdentity(name: "step"), atomKind: .function, change: .moved,
        before: Placement(
          body: SmallImage.range(0x40_0180, 0x40), capacity: 0x40, entry: VirtualAddress(0x40_0180)),
        after: Placement(
          body: SmallImage.range(0x100_0000, 6), capacity: 16, entry: VirtualAddress(0x40_0180),
          cell: VirtualAddress(0x120_1000)),
        operations: [0, 1], typeDigest: "void(void)")
    ],
    guards: [
      Guard(
        range: SmallImage.range(0x40_0180, 6), reach: .interior, reason: .entryStub, direction: .both,
        function: "step")
    ],
    cursors: {
      var cursors = SmallImage.cursors
      cursors.code = VirtualAddress(0x100_0010)
      cursors.cells = VirtualAddress(0x120_1008)
      cursors.relocations = 1
      return cursors
    }(),
    types: [TypeLayout(name: "struct conn", byteCount: 16, layout: "0 int fd; 8 ptr next")])

  @Test(.enabled(if: ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1"))
  func `golden files are made anew`() throws {
    let folder = try TemporaryFolder()
    let newest = try #require(Self.versions.last)
    try FileManager.default.createDirectory(at: newest.folder, withIntermediateDirectories: true)
    do {
      let store = try JournalStore.create(
        at: folder.file("journal.db"), base: SmallImage.base, content: SmallImage.content)
      let first = try store.append(
        newest.update, parent: SmallImage.base.digest, signedBy: newest.isSigned ? SignatureTests.key : nil)
      try Data(try UpdateRecord(first).encoded()).write(to: newest.folder.appendingPathComponent("update.bin"))
      for intent in newest.intents { try store.noteIntent(intent) {} }
      for tag in newest.tags { try store.tag(tag, first.digest, at: 1_700_000_000_000) }
      var history = GeneratedHistory(seed: 1, cursors: first.content.cursors)
      if newest.pruned == nil {
        for _ in 1..<newest.count { try history.grow(store) }
      } else {
        for _ in 1..<newest.count { try history.extend(store) }
      }
      if let range = newest.pruned {
        _ = try store.squash(store.shortcutDraft(range), signedBy: SignatureTests.key)
        _ = try store.prune(range)
        let rest = ShortcutRange(from: range.to, to: UpdateNumber(range.to.rawValue + 2))
        _ = try store.squash(store.shortcutDraft(rest))
        _ = try store.compact()
      }
    }
    let target = newest.folder.appendingPathComponent("journal.db")
    try? FileManager.default.removeItem(at: target)
    try FileManager.default.copyItem(atPath: folder.file("journal.db"), toPath: target.path)
    Issue.record("golden files were written; look at what changed")
  }

  @Test(arguments: versions)
  func `a golden update decodes to what it was made of, and is encoded to the same bytes`(_ version: Version) throws {
    let record = try UpdateRecord(decoding: try version.golden("update.bin"))
    #expect(record.content == version.update)
    #expect(record.parent == SmallImage.base.digest)
    #expect(try record.encoded() == version.golden("update.bin"))
  }

  @Test(arguments: versions)
  func `every truncation and every change of one byte of the golden update is refused`(_ version: Version) throws {
    let bytes = try version.golden("update.bin")
    for index in bytes.indices {
      #expect(throws: JournalError.self) { try UpdateRecord(decoding: Array(bytes.prefix(index))) }
      for bit in 0..<8 {
        var changed = bytes
        changed[index] ^= 1 << UInt8(bit)
        #expect(throws: JournalError.self) { try UpdateRecord(decoding: changed) }
      }
    }
  }

  @Test func `the example of the format document is the golden update`() throws {
    let text = try String(contentsOf: Self.root.appendingPathComponent("docs/journal-format.md"), encoding: .utf8)
    let example = try #require(
      text.components(separatedBy: "<!-- example -->").last?.components(separatedBy: "<!-- end -->").first)
    var bytes: [UInt8] = []
    for line in example.split(separator: "\n") where line.hasPrefix("    ") {
      // OFFSET  BYTES  what they are
      let columns = line.dropFirst(4).components(separatedBy: "  ").filter { !$0.isEmpty }
      #expect(columns.first == String(format: "%3d", bytes.count).trimmingCharacters(in: .whitespaces))
      bytes += (columns.dropFirst().first ?? "").split(separator: " ").compactMap { UInt8($0, radix: 16) }
    }
    #expect(bytes == (try Self.versions.last?.golden("update.bin")))
  }

  @Test(arguments: versions)
  func `a golden journal is migrated, read, verified and added to`(_ version: Version) throws {
    let folder = try TemporaryFolder()
    let store = try version.open(in: folder, mode: .write)
    #expect(try store.verify().findings == [])
    #expect(try store.verify().updateCount == version.count)
    #expect(store.base == SmallImage.base)
    let first = try store.update(UpdateNumber(1))
    #expect(first.content == version.update)
    #expect(try store.baseSymbols(named: "main") == [SmallImage.symbols[0]])
    let placed = try store.placement(of: AtomIdentity(name: "step"), at: first.digest)
    #expect(placed?.placement.body == SmallImage.range(0x100_0000, 6))
    let bytes = try store.bytes(SmallImage.range(0x100_0000, 6), at: first.digest)
    #expect(bytes == [0xe8, 0xfb, 0x00, 0x40, 0xff, 0xc3])
    #expect(try store.tags().map(\.name) == version.tags)
    #expect(try store.intents() == version.intents)
    let signatures = try store.signatures(of: first.digest)
    #expect(signatures.map(\.key) == (version.isSigned ? [SignatureTests.key.publicKey] : []))
    #expect(signatures.allSatisfy { $0.isValid(for: first.digest) })
    #expect(try store.shortcuts().filter(\.isPruned).map(\.range) == (version.pruned.map { [$0] } ?? []))
    if let pruned = version.pruned {
      let step = try store.steps(from: store.digest(of: pruned.from), to: store.digest(of: pruned.to))
      #expect(step.map(\.update.number) == [pruned.to])
      #expect(code { try store.update(UpdateNumber(pruned.to.rawValue - 1)) } == .prunedUpdate)
    }
    var next = version.update
    next.message = "later"
    next.cursors = try store.cursors()
    #expect(try store.append(next, parent: first.digest).number == UpdateNumber(Int64(version.count + 1)))
    try store.tag("later", first.digest, at: 0)
    #expect(try store.verify().findings == [])
  }
}
