import Addressing
import Foundation
import Testing

@testable import Journal

@Suite struct BundleTests {
  let folder: TemporaryFolder
  let store: JournalStore
  let root = SmallImage.base.digest

  init() throws {
    folder = try TemporaryFolder()
    store = try JournalStore.create(at: folder.file("a.hcsj"), base: SmallImage.base, content: SmallImage.content)
  }

  private func other(_ name: String) throws -> JournalStore {
    try JournalStore.create(at: folder.file(name), base: SmallImage.base, content: SmallImage.content)
  }

  private func grow(_ count: Int, seed: UInt64 = 3) throws -> GeneratedHistory {
    var history = GeneratedHistory(seed: seed)
    for _ in 0..<count { try history.grow(store) }
    return history
  }

  @Test func `a journal that takes a bundle has the same updates, of all branches, and verifies`() throws {
    let history = try grow(40)
    let exported = try store.export(try store.allNumbers(), to: folder.file("b.hcsb"))
    #expect(exported.updateCount == 40)
    let file = try FileManager.default.attributesOfItem(atPath: folder.file("b.hcsb"))
    #expect(file[.size] as? UInt64 == exported.byteCount)
    let taker = try other("c.hcsj")
    let imported = try taker.importBundle(at: folder.file("b.hcsb"))
    #expect(imported.added.map(\.rawValue) == Array(1...40))
    #expect(imported.knownCount == 0)
    #expect(try taker.log().map(\.digest) == store.log().map(\.digest))
    for state in history.states {
      for symbol in SmallImage.symbols {
        let here = try store.placements(named: symbol.name, at: state.digest)
        #expect(try taker.placements(named: symbol.name, at: state.digest) == here)
      }
    }
    #expect(try taker.verify().findings.isEmpty)
  }

  @Test func `what is known already is passed over, and what follows is added`() throws {
    _ = try grow(10)
    let digest = try store.digest(of: UpdateNumber(10))
    let way = try store.numbers(after: root, upTo: digest)
    let middle = way[way.count / 2]
    let first = try store.numbers(after: root, upTo: store.digest(of: middle))
    let rest = try store.numbers(after: store.digest(of: middle), upTo: digest)
    #expect(first + rest == way)
    for (name, part) in [("first", first), ("rest", rest), ("all", way)] {
      _ = try store.export(part, to: folder.file(name))
    }
    let taker = try other("c.hcsj")
    #expect(code { try taker.importBundle(at: folder.file("rest")) } == .bundleGap)
    #expect(try taker.importBundle(at: folder.file("first")).added.count == first.count)
    let imported = try taker.importBundle(at: folder.file("all"))
    #expect(imported.added.count == rest.count)
    #expect(imported.knownCount == first.count)
    #expect(try taker.head()?.digest == digest)
  }

  @Test func `every change of a byte and every truncation of a bundle is refused, and nothing of it is taken`() throws {
    _ = try grow(1)
    _ = try store.export(try store.allNumbers(), to: folder.file("b.hcsb"))
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("b.hcsb"))))
    let taker = try other("c.hcsj")
    func refuses(_ bytes: ArraySlice<UInt8>) throws -> Bool {
      try Data(bytes).write(to: URL(fileURLWithPath: folder.file("d.hcsb")))
      let found = code { try taker.importBundle(at: folder.file("d.hcsb")) }
      return try found == .malformedBundle && taker.head() == nil
    }
    for count in bytes.indices { #expect(try refuses(bytes.prefix(count)), "cut to \(count)") }
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 1 << UInt8(index % 8)
      #expect(try refuses(changed[...]), "byte \(index)")
    }
    #expect(try taker.importBundle(at: folder.file("b.hcsb")).added.count == 1)
  }

  @Test func `a bundle whose last update cannot be taken leaves the journal as it was`() throws {
    _ = try grow(6)
    let taker = try other("c.hcsj")
    _ = try store.export([UpdateNumber(1)], to: folder.file("one"))
    _ = try taker.importBundle(at: folder.file("one"))
    // The taker's own update uses the room that those of the bundle were given.
    var own = UpdateCodingTests.plain
    own.cursors = try store.update(UpdateNumber(6)).content.cursors
    own.cursors.code = VirtualAddress(own.cursors.code.rawValue + 64)
    try taker.append(own, parent: root)
    let before = try taker.log().map(\.digest)
    _ = try store.export(try store.allNumbers(), to: folder.file("all"))
    #expect(code { try taker.importBundle(at: folder.file("all")) } == .cursorWentBack)
    #expect(try taker.log().map(\.digest) == before)
    #expect(code { try taker.number(of: store.digest(of: UpdateNumber(2))) } == .unknownDigest)
    #expect(try taker.verify().findings.isEmpty)
  }

  @Test func `bundles of other images, missing ones and taken names are refused by name`() throws {
    _ = try grow(1)
    _ = try store.export(try store.allNumbers(), to: folder.file("b.hcsb"))
    #expect(code { try store.export(try store.allNumbers(), to: folder.file("b.hcsb")) } == .bundleExists)
    #expect(code { try store.importBundle(at: folder.file("none")) } == .noSuchBundle)
    #expect(code { try store.export([UpdateNumber(9)], to: folder.file("e.hcsb")) } == .unknownUpdate)
    #expect(!FileManager.default.fileExists(atPath: folder.file("e.hcsb")))
    var foreign = SmallImage.base
    foreign.originalDigest = Digest.sha256(of: [1])
    foreign.digest = BaseDigest.digest(original: foreign.originalDigest, arena: foreign.arena)
    let taker = try JournalStore.create(at: folder.file("f.hcsj"), base: foreign, content: SmallImage.content)
    #expect(code { try taker.importBundle(at: folder.file("b.hcsb")) } == .foreignBundle)
  }

  @Test func `only what lies on one line can be named by its ends`() throws {
    let first = try store.append(UpdateCodingTests.plain, parent: root)
    var second = UpdateCodingTests.plain
    second.message = "aside"
    let aside = try store.append(second, parent: root)
    #expect(code { try store.numbers(after: first.digest, upTo: aside.digest) } == .notOnTheWay)
    #expect(code { try store.numbers(after: aside.digest, upTo: first.digest) } == .notOnTheWay)
    #expect(try store.numbers(after: root, upTo: aside.digest) == [aside.number])
    #expect(try store.numbers(after: aside.digest, upTo: aside.digest).isEmpty)
  }
}
