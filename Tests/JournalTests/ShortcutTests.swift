import Addressing
import Foundation
import GRDB
import Testing

@testable @_spi(Fuzzing) import Journal

extension ShortcutRange {
  init(_ from: Int64, _ to: Int64) { self.init(from: UpdateNumber(from), to: UpdateNumber(to)) }
}

/// `squash` and `prune`: many updates as one step, and the many gone.
@Suite struct ShortcutTests {
  let folder: TemporaryFolder
  let store: JournalStore

  init() throws {
    folder = try TemporaryFolder()
    store = try JournalStore.small(in: folder)
  }

  @discardableResult
  private func squash(_ range: ShortcutRange, signedBy key: SigningKey? = nil) throws -> ShortcutSummary {
    try store.squash(store.shortcutDraft(range), signedBy: key).shortcut
  }

  private func digest(_ number: Int64) throws -> Digest { try store.digest(of: UpdateNumber(number)) }

  // MARK: Squash

  @Test(arguments: 1..<9)
  func `the one step leads from file to file, forward and back`(seed: UInt64) throws {
    let history = try GeneratedHistory(seed: seed, count: 24, in: store)
    for range in [ShortcutRange(0, 24), ShortcutRange(0, 2), ShortcutRange(3, 9), ShortcutRange(20, 24)] {
      let step = try store.shortcutDraft(range).step
      #expect(step.parent == history.states[Int(range.from.rawValue)].digest)
      #expect(step.digest == history.states[Int(range.to.rawValue)].digest)
      #expect(try UpdateCoding.decode(UpdateCoding.encode(step.content)) == step.content)
      var file = history.states[Int(range.from.rawValue)].file
      for operation in step.content.operations { try GeneratedHistory.perform(operation, on: &file) }
      #expect(file == history.states[Int(range.to.rawValue)].file)
      for operation in step.content.invertedOperations { try GeneratedHistory.perform(operation, on: &file) }
      #expect(file == history.states[Int(range.from.rawValue)].file)
      let operations = try store.shortcutDraft(range).updates.reduce(0) { $0 + $1.content.operations.count }
      #expect(step.content.operations.count <= operations)
    }
  }

  @Test func `what is written again and again is one operation`() throws {
    var contents: [UpdateContent] = []
    for number in 0..<5 as Range<UInt8> {
      var content = UpdateCodingTests.plain
      content.operations = [
        .write(
          WriteOperation(
            place: .virtual(VirtualAddress(0x40_0100)), before: [number, number, number],
            after: [number + 1, number + 1, number + 1])),
        .pointer(
          PointerOperation(
            cell: VirtualAddress(0x120_1000), before: VirtualAddress(UInt64(number)),
            after: VirtualAddress(UInt64(number) + 1), wordBefore: UInt64(number), wordAfter: UInt64(number) + 1,
            records: [FileEdit(offset: FileOffset(0x1900), before: [number], after: [number + 1])])),
      ]
      contents.append(content)
    }
    let net = try #require(UpdateContent.net(of: contents, base: SmallImage.base))
    #expect(
      net.operations == [
        .write(
          WriteOperation(place: .virtual(VirtualAddress(0x40_0100)), before: [0, 0, 0], after: [5, 5, 5])),
        .pointer(
          PointerOperation(
            cell: VirtualAddress(0x120_1000), before: VirtualAddress(0), after: VirtualAddress(5), wordBefore: 0,
            wordAfter: 5, records: [FileEdit(offset: FileOffset(0x1900), before: [0], after: [5])])),
      ])
  }

  @Test func `what came into use stays an operation by itself, for a task keeps it`() throws {
    var fresh = UpdateCodingTests.plain
    fresh.operations = [
      .write(
        WriteOperation(
          place: .virtual(VirtualAddress(0x100_0000)), before: [0, 0, 0, 0], after: [1, 2, 3, 4], isFresh: true))
    ]
    var edit = fresh
    edit.operations = [
      .write(WriteOperation(place: .virtual(VirtualAddress(0x100_0001)), before: [2, 3], after: [7, 8]))
    ]
    var again = fresh
    again.operations = [
      .write(WriteOperation(place: .virtual(VirtualAddress(0x100_0001)), before: [7, 8], after: [9, 9]))
    ]
    let net = try #require(UpdateContent.net(of: [fresh, edit, again], base: SmallImage.base))
    #expect(net.operations.count == 2)
    #expect(net.operations.first == fresh.operations.first)
    #expect(
      net.operations.last
        == .write(WriteOperation(place: .virtual(VirtualAddress(0x100_0001)), before: [2, 3], after: [9, 9])))
  }

  @Test func `nothing of an answer changes while the updates are there`() throws {
    let history = try GeneratedHistory(seed: 3, count: 24, in: store)
    let steps = try store.steps(from: SmallImage.base.digest, to: digest(24))
    let made = try squash(ShortcutRange(2, 9))
    #expect(!made.isPruned && made.coveredCount == 7)
    #expect(try store.squash(store.shortcutDraft(ShortcutRange(2, 9))).isNew == false)
    #expect(try store.shortcuts() == [made])
    #expect(try store.steps(from: SmallImage.base.digest, to: digest(24)) == steps)
    #expect(try store.verify().findings == [])
    #expect(history.states.count == 25)
  }

  @Test func `a way that is none, or too short, is refused`() throws {
    _ = try GeneratedHistory(seed: 4, count: 4, in: store)
    var content = UpdateCodingTests.plain
    content.cursors = try store.cursors()
    try store.append(content, parent: digest(2))
    #expect(code { try store.shortcutDraft(ShortcutRange(2, 3)) } == .shortcutTooShort)
    #expect(code { try store.shortcutDraft(ShortcutRange(2, 2)) } == .shortcutTooShort)
    #expect(code { try store.shortcutDraft(ShortcutRange(3, 1)) } == .notOnTheWay)
    #expect(code { try store.shortcutDraft(ShortcutRange(3, 5)) } == .notOnTheWay)
    #expect(code { try store.shortcutDraft(ShortcutRange(0, 99)) } == .unknownUpdate)
    #expect(code { try store.prune(ShortcutRange(0, 3)) } == .unknownShortcut)
  }

  // MARK: Prune

  @Test(arguments: 1..<7)
  func `what is left answers as before`(seed: UInt64) throws {
    let history = try GeneratedHistory(seed: seed, count: 24, in: store)
    let range = ShortcutRange(3, 9)
    let left = history.states.indices.filter { $0 <= 3 || $0 >= 9 }
    func answers() throws -> [AnyHashable] {
      var answers: [AnyHashable] = [try store.cursors()]
      for index in left {
        let digest = history.states[index].digest
        answers.append(try store.fileBytes(FileOffset(0), count: history.states[index].file.count, at: digest))
        answers.append(try store.supersededBodies(at: digest).map(\.placement))
        answers.append(try store.types(named: "struct conn", at: digest))
        for symbol in SmallImage.symbols {
          answers.append(try store.placements(named: symbol.name, at: digest))
          answers.append(try store.histories(named: symbol.name, at: digest).map { $0.bodies.map(\.placement) })
          for placed in try store.placements(named: symbol.name, at: digest) {
            answers.append(try store.history(of: placed.placement.body.start, at: digest)?.placed.update)
            answers.append(try store.bodyWrite(of: placed)?.after.count)
          }
        }
        answers.append(try store.differences(from: digest, to: history.states[24].digest).map(\.identity))
      }
      return answers
    }
    let before = try answers()
    try squash(range)
    let report = try store.prune(range)
    #expect(report.updates == (4...9).map { UpdateNumber($0) })
    let after = try answers()
    for (one, other) in zip(before, after) { #expect(one == other) }
    #expect(try store.verify().findings == [])
    for origin in left {
      for destination in [0, 3, 9, 10, 24] {
        var file = history.states[origin].file
        for step in try store.steps(from: history.states[origin].digest, to: history.states[destination].digest) {
          let operations =
            step.direction == .forward ? step.update.content.operations : step.update.content.invertedOperations
          for operation in operations { try GeneratedHistory.perform(operation, on: &file) }
        }
        #expect(file == history.states[destination].file)
      }
    }
    #expect(try store.log().filter { $0.pruned == range }.map(\.number.rawValue).sorted() == Array(4...9))
    #expect(try store.log().count == 24)
  }

  @Test func `nothing can stand at a pruned update, and each who asks is told`() throws {
    let history = try GeneratedHistory(seed: 5, count: 24, in: store)
    try squash(ShortcutRange(3, 9))
    _ = try store.prune(ShortcutRange(3, 9))
    let gone = history.states[5].digest
    let other = SmallImage.base.digest
    for action: () throws -> Any in [
      { try store.update(UpdateNumber(5)) }, { try store.update(digest: gone) },
      { try store.steps(from: gone, to: other) }, { try store.steps(from: other, to: gone) },
      { try store.fileBytes(FileOffset(0), count: 1, at: gone) }, { try store.placements(named: "main", at: gone) },
      { try store.numbers(after: other, upTo: gone) }, { try store.tag("t", gone, at: 0) },
      { try store.append(UpdateCodingTests.plain, parent: gone) }, { try store.shortcutDraft(ShortcutRange(5, 12)) },
      { try store.prune(ShortcutRange(0, 7)) }, { try store.update(UpdateNumber(9)) },
    ] {
      #expect(code(action) == .prunedUpdate)
    }
    #expect(try store.numbers(after: other, upTo: history.states[11].digest).map(\.rawValue) == [1, 2, 3, 9, 10, 11])
    let skeleton = try store.skeleton(UpdateNumber(5))
    #expect(skeleton.message == "update 5" && skeleton.operations.isEmpty)
    #expect(try store.update(holding: UpdateNumber(5)) == store.update(holding: UpdateNumber(9)))
    #expect(try store.position(of: #require(UpdateReference("5"))).digest == gone)
    #expect(code { try store.prune(ShortcutRange(3, 9)) } == .nothingToPrune)
  }

  @Test func `who stands between is named, and nothing is dropped`() throws {
    let history = try GeneratedHistory(seed: 6, count: 24, in: store)
    let range = ShortcutRange(3, 9)
    try squash(range)
    let digest = history.states[6].digest
    func refusal() -> JournalError? {
      do {
        _ = try store.prune(range)
        return nil
      } catch { return error }
    }
    try store.tag("release", digest, at: 0)
    #expect(refusal()?.code == .tagBetween && refusal()?.name == "release" && refusal()?.update == UpdateNumber(6))
    try store.deleteTag("release")
    try store.noteTarget(KnownTarget(pid: 7, startTime: 1, path: "/bin/x", position: digest, since: 0))
    #expect(refusal()?.code == .targetBetween && refusal()?.name == "process 7 (/bin/x)")
    try store.forgetTarget(pid: 7, startTime: 1)
    var content = UpdateCodingTests.plain
    content.cursors = try store.cursors()
    try store.append(content, parent: digest)
    #expect(refusal()?.code == .branchBetween && refusal()?.update == UpdateNumber(6))
    #expect(try store.update(UpdateNumber(6)).digest == digest)
    // The ends are nobody's business.
    try store.append(content, parent: history.states[3].digest)
    try store.append(content, parent: history.states[12].digest)
    try store.tag("end", history.states[12].digest, at: 0)
    try squash(ShortcutRange(9, 12))
    _ = try store.prune(ShortcutRange(9, 12))
    #expect(try store.verify().findings == [])
  }

  @Test func `a shortcut over pruned updates stands for all of them`() throws {
    let history = try GeneratedHistory(seed: 7, count: 24, in: store)
    try squash(ShortcutRange(5, 12))
    try squash(ShortcutRange(3, 9))
    #expect(try store.prune(ShortcutRange(3, 9)).droppedShortcuts == [ShortcutRange(5, 12)])
    try squash(ShortcutRange(0, 15), signedBy: SignatureTests.key)
    #expect(try store.verify().findings == [])
    let report = try store.prune(ShortcutRange(0, 15))
    #expect(report.updates.count == 15 && report.droppedShortcuts == [ShortcutRange(3, 9)])
    #expect(try store.shortcuts().map(\.range) == [ShortcutRange(0, 15)])
    #expect(try store.verify().findings == [])
    let steps = try store.steps(from: SmallImage.base.digest, to: history.states[16].digest)
    #expect(steps.map(\.update.number.rawValue) == [15, 16])
    #expect(
      try store.fileBytes(FileOffset(0), count: history.states[15].file.count, at: history.states[15].digest)
        == history.states[15].file)
  }

  @Test func `the file shrinks`() throws {
    _ = try GeneratedHistory(seed: 8, count: 200, in: store)
    try squash(ShortcutRange(10, 190))
    let report = try store.prune(ShortcutRange(10, 190))
    #expect(report.payloadCount > 100)
    let sizes = try store.compact()
    #expect(sizes.after < sizes.before)
    let size = try FileManager.default.attributesOfItem(atPath: store.path)[.size] as? NSNumber
    #expect(size?.uint64Value == sizes.after)
    #expect(try JournalStore.open(at: store.path, mode: .read).verify().findings == [])
    // No byte string is left that nothing needs, nor is one compressed with one that went.
    let again = try store.write { try PayloadSweep(payloads: PayloadTable(db: $0, store: store)).execute() }
    #expect(again == 0)
  }

  @Test func `later updates go on, and may be squashed with the shortcut`() throws {
    var history = try GeneratedHistory(seed: 10, count: 24, in: store)
    try squash(ShortcutRange(3, 9))
    _ = try store.prune(ShortcutRange(3, 9))
    for _ in 0..<6 { try history.extend(store) }
    #expect(try store.verify().findings == [])
    for state in [history.states[9], history.states[30]] {
      #expect(try store.fileBytes(FileOffset(0), count: state.file.count, at: state.digest) == state.file)
    }
  }

  @Test func `who has read the updates before they went is told, and not given what was`() throws {
    let history = try GeneratedHistory(seed: 15, count: 24, in: store)
    try squash(ShortcutRange(3, 9))
    let reader = try JournalStore.open(at: store.path, mode: .read)
    let state = history.states[9]
    for number in 1...24 { _ = try reader.update(UpdateNumber(Int64(number))) }
    for state in history.states { _ = try reader.fileBytes(FileOffset(0), count: 10, at: state.digest) }
    _ = try store.prune(ShortcutRange(3, 9))
    #expect(code { try reader.fileBytes(FileOffset(0), count: 10, at: history.states[5].digest) } == .prunedUpdate)
    #expect(code { try reader.update(UpdateNumber(5)) } == .prunedUpdate)
    #expect(try reader.fileBytes(FileOffset(0), count: state.file.count, at: state.digest) == state.file)
    #expect(try reader.steps(from: history.states[3].digest, to: state.digest).map(\.update.number.rawValue) == [9])
    try squash(ShortcutRange(0, 12))
    _ = try store.prune(ShortcutRange(0, 12))
    #expect(try reader.steps(from: SmallImage.base.digest, to: history.states[12].digest).count == 1)
    #expect(code { try reader.update(holding: UpdateNumber(9)).number } == nil)
    #expect(try reader.update(holding: UpdateNumber(9)).number == UpdateNumber(12))
  }

  // MARK: Whom to believe

  @Test func `signatures are asked of the shortcut where it is what is applied`() throws {
    let history = try GeneratedHistory(seed: 11, count: 12, in: store)
    _ = try store.sign((1...12).map { UpdateNumber($0) }, with: SignatureTests.key)
    try squash(ShortcutRange(3, 9))
    func refusal() throws -> JournalError? {
      let steps = try store.steps(from: SmallImage.base.digest, to: history.states[12].digest)
      do {
        try store.requireSignatures(of: [SignatureTests.key.publicKey], for: steps, to: history.states[12].digest)
        return nil
      } catch { return error }
    }
    #expect(try refusal() == nil)
    _ = try store.prune(ShortcutRange(3, 9))
    #expect(try refusal()?.code == .unsignedUpdate && refusal()?.update == UpdateNumber(9))
    #expect(try store.sign([UpdateNumber(9), UpdateNumber(10)], with: SignatureTests.key) == [UpdateNumber(9)])
    #expect(try refusal() == nil)
    #expect(try store.verify().findings == [])
    try store.tamper("UPDATE shortcut_signature SET signature = zeroblob(64)")
    #expect(try refusal()?.code == .invalidSignature)
    #expect(try store.verify().findings.map(\.subject) == [.signature])
  }

  static let tampering: [(String, JournalVerification.Finding.Subject)] = [
    ("UPDATE shortcut SET covered = zeroblob(32)", .shortcut),
    ("UPDATE shortcut SET digest = zeroblob(32)", .shortcut),
    ("UPDATE shortcut SET from_number = 2", .shortcut),
    ("DELETE FROM pruned WHERE number = 5", .update),
    ("UPDATE update_entry SET message = 'another' WHERE number = 5", .update),
    ("UPDATE update_entry SET operation_count = 99 WHERE number = 5", .shortcut),
    ("UPDATE update_entry SET digest = zeroblob(32) WHERE number = 5", .shortcut),
    ("UPDATE shortcut SET content = (SELECT content FROM update_entry WHERE number = 12)", .shortcut),
    ("UPDATE update_entry SET content = (SELECT content FROM update_entry WHERE number = 6) WHERE number = 5", .update),
    ("DELETE FROM span WHERE number = 9", .derived),
    ("UPDATE placement SET payload_id = NULL WHERE from_number BETWEEN 4 AND 9", .derived),
  ]

  @Test(arguments: tampering)
  func `what was tampered with is found`(sql: String, subject: JournalVerification.Finding.Subject) throws {
    _ = try GeneratedHistory(seed: 12, count: 24, in: store)
    try squash(ShortcutRange(3, 9))
    _ = try store.prune(ShortcutRange(3, 9))
    #expect(try store.verify().findings == [])
    try store.tamper(sql)
    let findings = try store.verify().findings
    #expect(findings.contains { $0.subject == subject }, "\(findings)")
  }

  @Test func `a shortcut that is not of these updates prunes nothing`() throws {
    _ = try GeneratedHistory(seed: 13, count: 24, in: store)
    try squash(ShortcutRange(3, 9))
    try store.tamper("UPDATE shortcut SET covered = zeroblob(32)")
    #expect(code { try store.prune(ShortcutRange(3, 9)) } == .digestMismatch)
    #expect(try store.update(UpdateNumber(5)).content.operations.isEmpty == false)
  }

  @Test func `a shortcut's bytes decode to what they were made of, and every change of one is refused`() throws {
    _ = try GeneratedHistory(seed: 14, count: 6, in: store)
    let draft = try store.shortcutDraft(ShortcutRange(1, 4))
    let covered = try store.read { db in
      try (2...4).map { try ShortcutTable(db: db, store: store).covered($0) }
    }
    let shortcut = Shortcut(from: draft.step.parent, covered: covered, content: draft.step.content)
    let bytes = try ShortcutCoding.encode(shortcut)
    #expect(try ShortcutCoding.decode(bytes).shortcut == shortcut)
    #expect(try ShortcutCoding.decode(bytes).digest == squash(ShortcutRange(1, 4)).digest)
    for index in stride(from: 0, to: bytes.count, by: 7) {
      #expect(throws: JournalError.self) { try ShortcutCoding.decode(Array(bytes.prefix(index))) }
      var changed = bytes
      changed[index] ^= 4
      #expect(throws: JournalError.self) { try ShortcutCoding.decode(changed) }
    }
  }
}
