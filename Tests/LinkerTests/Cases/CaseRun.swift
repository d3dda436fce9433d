import Applier
import Foundation
import Journal
import Testing

@testable import Linker

/// A case built one way, from adoption to the last edit and back.
final class CaseRun {
  private let linkCase: LinkCase
  private let build: CaseBuild
  private let folder: CaseFolder
  private let store: JournalStore
  private let file: String
  private let notesOfAdoption: [LinkNote]

  init(_ linkCase: LinkCase, _ build: CaseBuild) throws {
    self.linkCase = linkCase
    self.build = build
    folder = try CaseFolder(linkCase, build)
    let image = try folder.image(at: 0)
    file = folder.path("patched")
    let outcome = try ImageAdoption.adopt(
      imageAt: image, preparedPath: folder.path("prepared"), journalPath: folder.path("journal"),
      room: Self.room(linkCase))
    store = outcome.store
    notesOfAdoption = outcome.notes
    try FileManager.default.copyItem(atPath: folder.path("prepared"), toPath: file)
  }

  private static func room(_ linkCase: LinkCase) -> ArenaRoom {
    var room = ArenaRoom(
      codeByteCount: 1 << 20, constantByteCount: 1 << 20, dataByteCount: 1 << 20, cellCount: 1024, variableCount: 1024)
    if let cells = linkCase.room["cells"] { room.cellCount = cells }
    if let code = linkCase.room["code"] { room.codeByteCount = code }
    return room
  }

  func link(_ edit: Int, after parent: Digest) throws -> IncrementalLinker.Result {
    try IncrementalLinker(store: store, parent: parent).link(
      objectsAt: folder.objects(givenAt: edit), .init(time: 0, author: "test", message: linkCase.name))
  }

  // MARK: The whole way

  func run() throws {
    try expectOutput(of: folder.path("image0"), at: 0, "the image")
    try expectOutput(of: folder.path("prepared"), at: 0, "the prepared image")
    let same = try link(0, after: store.base.digest)
    #expect(same.content == nil, "the image's own objects give \(Self.changes(same.content))")
    var parent = store.base.digest
    for edit in 1...linkCase.editCount {
      parent = try step(edit, after: parent)
    }
    try move(to: 0)
    let isRestored =
      try Data(contentsOf: URL(fileURLWithPath: file))
      == Data(
        contentsOf: URL(fileURLWithPath: folder.path("prepared")))
    #expect(isRestored, "a file rolled back differs from the prepared image")
    try move(to: linkCase.editCount)
    try expectOutput(of: file, at: linkCase.editCount, "the file replayed in one step")
    try takeBackAndForth()
    #expect(try store.verify().findings.isEmpty)
  }

  /// The last edit is reverted, and the revert is: the file runs as before it, and again as with it, and the linker finds
  /// nothing to do for the objects of either.
  private func takeBackAndForth() throws {
    var last = UpdateNumber(Int64(linkCase.editCount))
    for edit in [linkCase.editCount - 1, linkCase.editCount] {
      let parent = try store.digest(of: last)
      let content = try UpdateReversal(store: store, parent: parent).revert(
        last, keeping: [], .init(time: 0, author: "test", message: "revert \(last)"))
      last = try store.append(content, parent: parent).number
      try move(to: Int(last.rawValue))
      try expectOutput(of: file, at: edit, "the file with update \(content.message)")
      let again = try link(edit, after: store.digest(of: last)).content
      // Clones have no name by which they could be found again; what holds them may be placed once more.
      let changes = again?.atoms.contains { SymbolNaming.isClone($0.atom.name) } == true ? [] : Self.changes(again)
      #expect(changes.isEmpty, "the objects of edit \(edit) give \(changes) after \(content.message)")
    }
    try move(to: linkCase.editCount)
    try expectOutput(of: file, at: linkCase.editCount, "the file with both reverts rolled back")
  }

  private func step(_ edit: Int, after parent: Digest) throws -> Digest {
    let result = try link(edit, after: parent)
    let content = try #require(result.content, "edit \(edit) gives nothing")
    if build.isNamed { expect(content, result.notes, at: edit) }
    let update = try store.append(content, parent: parent)
    let again = try link(edit, after: update.digest)
    #expect(again.content == nil, "edit \(edit) linked twice gives \(Self.changes(again.content))")
    try move(to: edit)
    if !linkCase.unlike.contains(edit) { try expectOutput(of: folder.image(at: edit), at: edit, "a clean build") }
    try expectOutput(of: file, at: edit, "the patched file")
    return update.digest
  }

  private func move(to edit: Int) throws {
    let target = try FileImage(path: file, base: store.base)
    let applier = UpdateApplier(base: store.base)
    let position = try applier.standing(of: target).position
    let digest = try store.digest(of: UpdateNumber(Int64(edit)))
    _ = try applier.apply(
      store.steps(from: position.digest, to: digest), to: .init(digest: digest, number: UpdateNumber(Int64(edit))),
      on: target)
  }

  // MARK: Expectations

  private func expectOutput(of program: String, at edit: Int, _ what: String) throws {
    let output = try folder.output(of: program)
    #expect(output == linkCase.outputs[edit, default: ""], "\(what) at \(edit)")
  }

  private func expect(_ content: UpdateContent, _ notes: [LinkNote], at edit: Int) {
    let changes = Self.changes(content)
    if let atoms = linkCase.atoms[edit] { #expect(changes == atoms, "atoms at \(edit)") }
    if let some = linkCase.someAtoms[edit] {
      #expect(some.isSubset(of: changes), "\(some) among \(changes) at \(edit)")
    }
    if let literals = linkCase.literals[edit] {
      let placed = content.atoms.count { $0.atom.name.isEmpty && $0.change == .added && $0.atomKind == .constant }
      #expect(placed == literals, "nameless constants at \(edit)")
    }
    let guards = Set(content.guards.map { "\($0.reason) \($0.function)" })
    for wanted in linkCase.guards[edit, default: []] { #expect(guards.contains(wanted), "guards at \(edit)") }
    if let registers = linkCase.registers[edit] {
      let found = content.guards.filter { $0.reason == .interproceduralRegisters }
      #expect(Set(found.map { "\($0.function) \($0.direction)" }) == registers, "registers at \(edit)")
    }
    let told = Set(notes.map { "\($0.kind) \(($0.subject as NSString).lastPathComponent)" })
    for wanted in linkCase.notes[edit, default: []] {
      #expect(told.contains { $0.hasPrefix(wanted) }, "\(wanted) among \(told) at \(edit)")
    }
  }

  /// Changes of atoms that the source names: no literals, no cells of imports.
  private static func changes(_ content: UpdateContent?) -> Set<String> {
    let named = (content?.atoms ?? []).filter { !$0.atom.name.isEmpty && $0.atomKind != .importStub }
    return Set(
      named.map { atom in
        "\(atom.change) " + [atom.atom.enclosingFunction, atom.atom.name].compactMap { $0 }.joined(separator: ".")
      })
  }
}

extension CaseRun {
  /// All edits but the last are linked and journalled; the last must be refused, and change nothing.
  static func expectRefusal(of linkCase: LinkCase, _ build: CaseBuild) throws {
    let wanted = try #require(linkCase.refusal)
    let error = #expect(throws: LinkError.self) {
      let run = try CaseRun(linkCase, build)
      var parent = run.store.base.digest
      for edit in 1..<linkCase.editCount {
        let content = try #require(try run.link(edit, after: parent).content)
        parent = try run.store.append(content, parent: parent).digest
      }
      let result = try run.link(linkCase.editCount, after: parent)
      Issue.record("it is linked: \(changes(result.content))")
    }
    guard let error else { return }
    #expect(error.code.rawValue == wanted.code, "\(error)")
    for name in wanted.naming { #expect("\(error)".contains(name), "\(error)") }
  }
}
