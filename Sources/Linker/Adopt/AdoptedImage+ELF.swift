import Addressing
import Foundation
import Journal
import ObjectFile

extension AdoptedImage {
  /// - Parameter objects: those that the image was linked from, or none.
  init(
    elf file: ELFFile, path: String, objects: [ELFFile], room: ArenaRoom, libraryFolders: [String]
  ) throws {
    guard let architecture = file.header.machine.architecture else {
      throw LinkError(.wrongArchitecture, object: path, detail: "\(file.header.machine)")
    }
    let types = try ImageTypes(file)
    let symbols = try ImageSymbols(file, types: types, units: GlobalUnits(objects: objects, types: types))
    let draft = try room.prepare(file, for: architecture)
    let search = LibrarySearch(for: file.header.machine, additionalFolders: libraryFolders)
    self.init(
      format: .elf, architecture: architecture, isPositionIndependent: file.header.type == .sharedObject,
      identity: try ImageIdentity.of(file), entryPoint: file.header.entry, original: file.view,
      segments: ImageSegments.of(file, draft.layout), arena: Arena(draft), symbols: symbols.symbols,
      imports: symbols.imports, switchesStacks: symbols.switchesStacks, types: types.layouts,
      libraries: try search.libraries(of: file, at: path),
      notes: Self.notes(file, path, types, hasUnwindTable: draft.layout.unwind != nil),
      prepared: { draft.withHeader($0) })
  }

  private static func notes(
    _ file: ELFFile, _ path: String, _ types: ImageTypes, hasUnwindTable: Bool
  ) -> [LinkNote] {
    var notes: [LinkNote] = []
    if !types.isKnown { notes.append(LinkNote(kind: .layoutUnchecked, subject: path)) }
    if !hasUnwindTable { notes.append(LinkNote(kind: .noUnwindTable, subject: path)) }
    let strings = (try? CompilerComments.strings(in: file)) ?? []
    // The C library's start files leave GCC's mark in every image: debug information knows better, where there is any.
    if CompilerFacts(types.producers.isEmpty ? strings : types.producers).mayRelyOnCalleeRegisters {
      notes.append(LinkNote(kind: .calleeRegisters, subject: path))
    }
    return notes
  }
}
