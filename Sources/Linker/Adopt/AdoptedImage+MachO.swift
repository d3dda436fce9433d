import Addressing
import Foundation
import Journal
import ObjectFile

extension AdoptedImage {
  /// - Parameter objects: those that the image was linked from, with their paths; or none.
  init(
    machO file: MachOFile, path: String, objects: [(path: String, file: MachOFile)], room: ArenaRoom,
    libraryPaths: [String]
  ) throws {
    let architecture = file.header.machine.architecture
    let draft = try MachOPreparedImage(preparing: file, request: room.machORequest(for: architecture))
    let types = try MachOTypes(objects)
    let symbols = try MachOImageSymbols(file, objects: objects, types: types)
    guard !symbols.symbols.isEmpty else { throw LinkError(.imageWithoutSymbols, object: path) }
    var notes: [LinkNote] = []
    if draft.unwindRoom == nil { notes.append(LinkNote(kind: .noCompactUnwind, subject: path)) }
    if !types.isKnown { notes.append(LinkNote(kind: .layoutUnchecked, subject: path)) }
    if !symbols.knowsUnits, symbols.symbols.contains(where: { $0.binding == .local }) {
      notes.append(LinkNote(kind: .unitsUnknown, subject: path))
    }
    let search = MachOLibrarySearch(paths: libraryPaths, machine: file.header.machine)
    let libraries = try search.libraries(of: file)
    notes += libraries.filter { $0.path == nil }.map { LinkNote(kind: .libraryUnknown, subject: $0.soname) }
    self.init(
      format: .machO, architecture: architecture,
      isPositionIndependent: file.header.flags.contains(.positionIndependent),
      identity: try ImageIdentity.of(file), entryPoint: try file.entry() ?? VirtualAddress(0), original: file.view,
      segments: Self.segments(of: file, draft.layout), arena: Arena(draft.layout, draft.unwindRoom),
      symbols: symbols.symbols,
      imports: symbols.imports, switchesStacks: symbols.switchesStacks, types: types.layouts,
      libraries: libraries, notes: notes,
      prepared: { try draft.withHeader($0).signed { Digest.sha256(of: $0).bytes } })
  }

  /// Without `__PAGEZERO`, and without `__LINKEDIT`, which is read when a process begins and by nobody later.
  private static func segments(of file: MachOFile, _ layout: MachOArenaLayout) -> [Segment] {
    let own = file.segments.compactMap { segment -> Segment? in
      guard !segment.protection.isEmpty, segment.memoryByteCount > 0, segment.name != "__LINKEDIT" else { return nil }
      let isConstant = segment.flags.contains(.readOnlyAfterFixups)
      return Segment(
        range: segment.range, fileOffset: segment.fileOffset,
        fileByteCount: min(segment.fileByteCount, segment.memoryByteCount),
        protection: isConstant ? segment.protection.subtracting(.write) : segment.protection, isPartOfArena: false)
    }
    var parts: [(ArenaPart, PageProtection)] = [
      (layout.code, [.read, .execute]), (layout.constants, .read), (layout.writable, [.read, .write]),
    ]
    if let unwind = layout.unwind { parts.append((unwind, .read)) }
    let arena = parts.map { part, protection in
      Segment(
        range: part.range, fileOffset: part.fileOffset, fileByteCount: part.range.byteCount, protection: protection,
        isPartOfArena: true)
    }
    return (own + arena).sorted { $0.range.start < $1.range.start }
  }
}

extension Arena {
  /// What the linker must know of the loader's tables stands in the image's own load commands, but for the unwind table.
  fileprivate init(_ layout: MachOArenaLayout, _ unwindRoom: MachOUnwindRoom?) {
    self.init(
      code: layout.code.range, constants: layout.constants.range, writable: layout.writable.range,
      header: layout.header.range, cells: layout.cells.range, flags: layout.flags.range, data: layout.data.range,
      loaderTables: unwindRoom?.encoded ?? [],
      cursors: ArenaCursors(
        code: layout.code.range.start, constants: layout.constants.range.start, cells: layout.cells.range.start,
        data: layout.data.range.start, flags: layout.flags.range.start, relocations: 0, dynamicSymbols: 0,
        unwindEntries: 0, dynamicStrings: 0, versionNeeds: 0, unwindBytes: 0))
  }
}

extension ImageIdentity {
  /// LC_UUID; for an image without one the digest of its first loaded segment.
  static func of(_ file: MachOFile) throws(ObjectFileError) -> [UInt8] {
    if let uuid = file.uuid { return uuid }
    guard let first = file.segments.first(where: { $0.fileByteCount > 0 }) else { return [] }
    let view = try file.view.slice(first.fileOffset.rawValue, first.fileByteCount)
    return Digest.sha256(of: try view.bytes(at: 0, count: view.count)).bytes
  }
}
