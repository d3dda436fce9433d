import Addressing
import Foundation
public import Journal
import ObjectFile

/// Adopts a linked image: reads it, writes the prepared image beside it and makes the journal. The image itself is
/// never changed.
public enum ImageAdoption {
  public struct Outcome {
    public let store: JournalStore
    public internal(set) var notes: [LinkNote]
    public let symbolCount: Int
  }

  /// - Parameters:
  ///   - path: an ELF executable as the user's toolchain linked it.
  ///   - objects: the object files it was linked from, where known: they are compared with the image, so that what
  ///     is not what it was linked from is named now and not at the first update.
  ///   - preparedPath, journalPath: new files; one that exists is refused.
  ///   - libraryFolders: where the loader looks first (`LD_LIBRARY_PATH`).
  public static func adopt(
    imageAt path: String, objects: [String] = [], preparedPath: String, journalPath: String,
    room: ArenaRoom = .standard, libraryFolders: [String] = []
  ) throws(LinkError) -> Outcome {
    for taken in [preparedPath, journalPath] where FileManager.default.fileExists(atPath: taken) {
      throw LinkError(.fileExists, object: taken)
    }
    let check = try ObjectCheck(objects)
    do {
      let file = try ELFFile(try MappedFile(path: path))
      let adoption = try Adoption(file, path: path, objects: check.files, preparedPath: preparedPath, room: room)
      var outcome = try adoption.finish(journalPath: journalPath, libraryFolders: libraryFolders)
      outcome.notes += try check.notes(outcome.store)
      return outcome
    } catch let error as LinkError {
      throw error
    } catch {
      throw LinkError(error is JournalError ? .journal : .objectFile, object: path, cause: error)
    }
  }
}

/// One adoption, step by step.
private struct Adoption {
  private let file: ELFFile
  private let path: String
  private let preparedPath: String
  private let types: ImageTypes
  private let symbols: ImageSymbols
  private let base: BaseImage
  private let prepared: ELFPreparedImage

  init(_ file: ELFFile, path: String, objects: [ELFFile], preparedPath: String, room: ArenaRoom) throws {
    self.file = file
    self.path = path
    self.preparedPath = preparedPath
    guard let architecture = file.header.machine.architecture else {
      throw LinkError(.wrongArchitecture, object: path, detail: "\(file.header.machine)")
    }
    types = try ImageTypes(file)
    symbols = try ImageSymbols(file, types: types, units: GlobalUnits(objects: objects, types: types))
    let draft = try ELFPreparedImage(preparing: file, request: room.request(for: architecture))
    let original = Digest.sha256 { file.view.piece(at: $0, ofAtMost: $1) }
    let arena = Arena(draft)
    let digest = BaseDigest.digest(original: original, arena: arena)
    let header = TargetHeader(base: digest, position: TargetHeader.Position(digest: digest, number: .base))
    prepared = draft.withHeader(header.encoded())
    let image = prepared
    base = BaseImage(
      format: .elf, architecture: architecture, isPositionIndependent: file.header.type == .sharedObject,
      identity: try ImageIdentity.of(file), digest: digest, originalDigest: original,
      preparedDigest: Digest.sha256 { image.piece(at: $0, ofAtMost: $1) }, originalPath: Self.absolute(path),
      preparedPath: Self.absolute(preparedPath), originalByteCount: UInt64(file.view.count),
      preparedByteCount: prepared.byteCount, segments: ImageSegments.of(file, prepared.layout), arena: arena,
      entryPoint: file.header.entry, switchesStacks: symbols.switchesStacks)
  }

  private static func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.path
  }

  /// The prepared image first: a journal without one would be of no use, the other way round it is only a file.
  func finish(journalPath: String, libraryFolders: [String]) throws -> ImageAdoption.Outcome {
    let libraries = try LibrarySearch(for: file.header.machine, additionalFolders: libraryFolders).libraries(
      of: file, at: path)
    try prepared.write(toNewFile: preparedPath, permissionsOf: path)
    do {
      let image = prepared
      let content = BaseContent(
        symbols: symbols.symbols, imports: symbols.imports, types: types.layouts, libraries: libraries
      ) { image.bytes(at: $0, count: $1) }
      let store = try JournalStore.create(at: journalPath, base: base, content: content)
      return ImageAdoption.Outcome(store: store, notes: notes(), symbolCount: symbols.symbols.count)
    } catch {
      try? FileManager.default.removeItem(atPath: preparedPath)
      throw error
    }
  }

  private func notes() -> [LinkNote] {
    var notes: [LinkNote] = []
    if !types.isKnown { notes.append(LinkNote(kind: .layoutUnchecked, subject: path)) }
    if prepared.layout.unwind == nil { notes.append(LinkNote(kind: .noUnwindTable, subject: path)) }
    let strings = (try? CompilerComments.strings(in: file)) ?? []
    // The C library's start files leave GCC's mark in every image: debug information knows better, where there is any.
    if CompilerFacts(types.producers.isEmpty ? strings : types.producers).mayRelyOnCalleeRegisters {
      notes.append(LinkNote(kind: .calleeRegisters, subject: path))
    }
    return notes
  }
}
