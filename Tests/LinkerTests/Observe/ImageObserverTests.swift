import Addressing
import Applier
import Foundation
import Journal
import Testing

@testable import Linker

@Suite struct ImageObserverTests {
  private static let longBar: [UInt8] = [0x55] + [UInt8](repeating: 0x90, count: 0x30) + [0xb8, 9, 0, 0, 0, 0x5d, 0xc3]

  @Test func `a function that moved is told with its cell, its caller untouched`() throws {
    let session = try ObservedSession(.base())
    let moved = SmallELF.base().with("bar", at: 0x100, Self.longBar).withCell(0, SmallELF.code + 0x100)
    let content = try #require(try session.observe(moved))
    #expect(content.atoms.map(\.atom.name) == ["bar"])
    let atom = try #require(content.atoms.first)
    #expect(atom.change == .moved)
    #expect(atom.before?.body.start == VirtualAddress(SmallELF.code))
    #expect(atom.after?.body.start == VirtualAddress(SmallELF.code + 0x100))
    #expect(atom.after?.cell == VirtualAddress(SmallELF.cells))
    let pointers = content.operations.compactMap { if case .pointer(let pointer) = $0 { pointer } else { nil } }
    #expect(pointers.map(\.after) == [VirtualAddress(SmallELF.code + 0x100)])
    #expect(pointers.map(\.before) == [VirtualAddress(SmallELF.code)])
    // Code first, pointers last.
    let write = try #require(atom.operations.first)
    let pointer = try #require(atom.operations.last)
    #expect(write < pointer)
  }

  @Test func `stale code in a table of cells is no pointer, a cell that another function uses again is one`() throws {
    let session = try ObservedSession(.base())
    var image = SmallELF.base().with("twice", at: 0x80, [0x01, 0xc0, 0xc3]).withCell(1, SmallELF.code + 0x80)
      .withCell(2, 0xc3c0_0155)
    try session.record(image)
    image.symbols.removeAll { $0.name == "twice" }
    let reused = image.with("other", at: 0xa0, [0x31, 0xc0, 0xc3]).withCell(1, SmallELF.code + 0xa0)
      .withCell(2, 0x9090_9090)
    let content = try #require(try session.observe(reused))
    let pointers = content.operations.compactMap { if case .pointer(let pointer) = $0 { pointer } else { nil } }
    #expect(pointers.map(\.cell) == [VirtualAddress(SmallELF.cells + 8)])
    #expect(pointers.map(\.before) == [VirtualAddress(SmallELF.code + 0x80)])
    let changes = Dictionary(uniqueKeysWithValues: content.atoms.map { ($0.atom.name, $0.change) })
    #expect(changes == ["twice": .removed, "other": .added])
  }

  @Test func `what only shifts in the file moves nowhere, and a task passes it over`() throws {
    let session = try ObservedSession(.base())
    var shifted = SmallELF.base()
    shifted.parts[2].offset = 0x2000
    let content = try #require(try session.observe(shifted))
    #expect(content.atoms.isEmpty)
    #expect(content.guards.isEmpty)
    let places = content.operations.map { operation in
      if case .write(let write) = operation, case .file = write.place { true } else { false }
    }
    #expect(!places.isEmpty && places.allSatisfy { $0 })
  }

  @Test func `an image that did not change is not recorded`() throws {
    let session = try ObservedSession(.base())
    #expect(try session.observe(.base()) == nil)
  }

  @Test func `a caller whose call was patched is guarded by that instruction alone`() throws {
    let call = SmallELF.base().with("caller", at: 0x40, [0xe8, 0xbb, 0xff, 0xff, 0xff, 0xc3])
    let session = try ObservedSession(call)
    let moved = call.with("bar", at: 0x100, Self.longBar).withCell(0, SmallELF.code + 0x100)
      .with("caller", at: 0x40, [0xe8, 0xbb, 0, 0, 0, 0xc3])
    let content = try #require(try session.observe(moved))
    #expect(content.atoms.map(\.atom.name) == ["bar"])
    let own = content.guards.filter { $0.function == "caller" }
    #expect(own.map(\.range) == [AddressRange(start: VirtualAddress(SmallELF.code + 0x40), byteCount: 5)])
    #expect(own.map(\.reach) == [.interior])
  }

  @Test func `a body that is overwritten is guarded whole, in both directions`() throws {
    let session = try ObservedSession(.base())
    let content = try #require(
      try session.observe(SmallELF.base().with("bar", at: 0, [0x55, 0xb8, 9, 0, 0, 0, 0x5d, 0xc3])))
    let range = AddressRange(start: VirtualAddress(SmallELF.code), byteCount: 8)
    #expect(
      content.guards == [
        Guard(range: range, reach: .whole, reason: .overwritten, direction: .both, function: "bar")
      ])
  }

  @Test func `a variable's first value is an initial, and one that moved says from where`() throws {
    let session = try ObservedSession(.base())
    let changed = try #require(try session.observe(SmallELF.base().withVariable("count", at: 0, 6)))
    #expect(changed.operations.compactMap(\.initialRoom) == [.existing])
    let moved = try #require(try session.observe(SmallELF.base().withVariable("count", at: 0x10, 5)))
    #expect(moved.operations.compactMap(\.initialRoom) == [.moved(from: VirtualAddress(SmallELF.data))])
  }

  @Test func `records of a symbol table that are not in use are no symbols`() throws {
    var damaged = SmallELF.base()
    damaged.damagedRecords = [[UInt8](repeating: 0xe8, count: 24), [UInt8](repeating: 2, count: 24)]
    let session = try ObservedSession(.base())
    let content = try #require(try session.observe(damaged))
    #expect(content.atoms.isEmpty)
  }

  @Test func `names that a linker has written over are those that the journal knows`() throws {
    var whole = SmallELF.base()
    for (index, name) in ["one", "two", "three", "four"].enumerated() {
      whole = whole.with(name, at: 0x40 + 0x10 * index, [0x31, 0xc0, 0xc3])
    }
    let session = try ObservedSession(whole)
    var damaged = whole.with("bar", at: 0x100, Self.longBar).withCell(0, SmallELF.code + 0x100)
    damaged.symbols.removeAll { $0.name != "bar" }
    damaged.damagedRecords = [[UInt8]](repeating: [UInt8](repeating: 0xe8, count: 24), count: 6)
    let content = try #require(try session.observe(damaged))
    #expect(content.atoms.map(\.atom.name) == ["bar"])
    try session.record(damaged)
    let found = try #require(try session.observe(whole))
    #expect(found.atoms.map(\.atom.name) == ["bar"])
    #expect(found.atoms.map(\.change) == [.moved])
  }

  @Test func `another program is refused by name`() throws {
    let session = try ObservedSession(.base())
    var other = SmallELF.base()
    other.symbols = other.symbols.map { symbol in
      var symbol = symbol
      symbol.name = "other_" + symbol.name
      return symbol
    }
    let error = #expect(throws: LinkError.self) { try session.observe(other) }
    #expect(error?.code == .otherImage)
    #expect(error?.description.contains(session.image) == true)
  }

  @Test func `every file of a session is reached from the first one bit for bit, and left again`() throws {
    let session = try ObservedSession(.base())
    var grown = SmallELF.base().with("bar", at: 0x100, Self.longBar).withCell(0, SmallELF.code + 0x100)
    grown.byteCount = 0xa000
    var shifted = grown.with("last", at: 0x180, [0x31, 0xc0, 0xc3])
    shifted.parts[0].offset = 0x8000
    let images = [SmallELF.base(), grown, shifted, grown, SmallELF.base().withVariable("count", at: 8, 9)]
    for image in images.dropFirst() { try session.record(image) }
    let copy = try session.copy(of: images[0])
    for (number, image) in images.enumerated().dropFirst() {
      try session.move(copy, to: number)
      #expect(try Data(contentsOf: URL(fileURLWithPath: copy)) == Data(image.file), "update \(number)")
    }
    try session.move(copy, to: 0)
    #expect(try Data(contentsOf: URL(fileURLWithPath: copy)) == Data(images[0].file))
    try session.move(copy, to: images.count - 1)
    #expect(try Data(contentsOf: URL(fileURLWithPath: copy)) == Data(images[images.count - 1].file))
    #expect(try session.store.verify().isSound)
  }

  @Test func `the two kinds of journals refuse each other's updates by name`() throws {
    let session = try ObservedSession(.base())
    let error = #expect(throws: LinkError.self) {
      try IncrementalLinker(store: session.store, parent: session.store.base.digest)
    }
    #expect(error?.code == .observedJournal)
  }
}

extension Journal.Operation {
  fileprivate var initialRoom: InitialRoom? {
    switch self {
    case .write(let write): write.initial
    case .pointer(let pointer): pointer.initial
    default: nil
    }
  }
}

/// A journal of an observed image, and the image as a file that is rewritten.
final class ObservedSession {
  let store: JournalStore
  let image: String
  private let folder: URL

  init(_ first: SmallELF) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("observed-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    image = folder.appendingPathComponent("image").path
    try Data(first.file).write(to: URL(fileURLWithPath: image))
    store = try ImageAdoption.adopt(observedImageAt: image, journalPath: image + ".hcsj").store
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func observe(_ next: SmallELF) throws -> UpdateContent? {
    try Data(next.file).write(to: URL(fileURLWithPath: image))
    let parent = try store.head()?.digest ?? store.base.digest
    return try ImageObserver(store: store, parent: parent)
      .observe(imageAt: image, IncrementalLinker.Description(time: 0, author: "", message: "")).content
  }

  func record(_ next: SmallELF) throws {
    let parent = try store.head()?.digest ?? store.base.digest
    let content = try #require(try observe(next))
    _ = try store.append(content, parent: parent)
  }

  func copy(of image: SmallELF) throws -> String {
    let path = folder.appendingPathComponent("copy").path
    try Data(image.file).write(to: URL(fileURLWithPath: path))
    return path
  }

  func move(_ path: String, to number: Int) throws {
    let store = store
    let files = ObservedFiles(
      position: { file in
        for summary in try store.log() {
          let update = try store.update(summary.number)
          if update.content.observation?.after.digest == file {
            return TargetHeader.Position(digest: update.digest, number: update.number)
          }
        }
        return file == store.base.originalDigest ? store.base.position : nil
      },
      file: { digest in
        digest == store.base.digest
          ? store.base.originalDigest : try store.update(digest: digest).content.observation?.after.digest ?? .zero
      })
    let target = try FileImage(path: path, base: store.base, observed: files)
    let applier = UpdateApplier(base: store.base)
    let from = try applier.standing(of: target).position
    let digest = try store.digest(of: UpdateNumber(Int64(number)))
    let to = TargetHeader.Position(digest: digest, number: UpdateNumber(Int64(number)))
    _ = try applier.apply(try store.steps(from: from.digest, to: digest), to: to, on: target)
  }
}
