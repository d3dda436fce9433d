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
  ///   - path: an executable as the user's toolchain linked it.
  ///   - objects: the object files it was linked from, where known: they are compared with the image, so that what
  ///     is not what it was linked from is named now and not at the first update.
  ///   - preparedPath, journalPath: new files; one that exists is refused.
  ///   - libraryPaths: where the image's libraries are looked for first: folders, for Mach-O also an SDK, and files that are
  ///     or describe them (`.dylib`, `.tbd`).
  public static func adopt(
    imageAt path: String, objects: [String] = [], preparedPath: String, journalPath: String,
    room: ArenaRoom = .standard, libraryPaths: [String] = []
  ) throws(LinkError) -> Outcome {
    for taken in [preparedPath, journalPath] where FileManager.default.fileExists(atPath: taken) {
      throw LinkError(.fileExists, object: taken)
    }
    let check = try ObjectCheck(objects)
    do {
      let mapped = try MappedFile(path: path)
      let image: AdoptedImage
      if mapped.isMachO {
        guard !room.mustGrow else { throw LinkError(.arenaDoesNotGrow, object: path) }
        let file = try MachOFile(mapped)
        image = try AdoptedImage(
          machO: file, path: path, objects: try check.machO(), room: room, libraryPaths: libraryPaths)
      } else {
        let file = try ELFFile(mapped)
        image = try AdoptedImage(
          elf: file, path: path, objects: try check.elf(), room: room, libraryFolders: libraryPaths)
      }
      var outcome = try Adoption(image, path: path, preparedPath: preparedPath).finish(journalPath: journalPath)
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
  private let image: AdoptedImage
  private let path: String
  private let preparedPath: String
  private let base: BaseImage
  private let prepared: any PreparedFile

  init(_ image: AdoptedImage, path: String, preparedPath: String) throws {
    self.image = image
    self.path = path
    self.preparedPath = preparedPath
    let original = Digest.sha256 { image.original.piece(at: $0, ofAtMost: $1) }
    let digest = BaseDigest.digest(original: original, arena: image.arena)
    let header = TargetHeader(base: digest, position: TargetHeader.Position(digest: digest, number: .base))
    let prepared = try image.prepared(header.encoded())
    self.prepared = prepared
    base = BaseImage(
      format: image.format, architecture: image.architecture, isPositionIndependent: image.isPositionIndependent,
      identity: image.identity, digest: digest, originalDigest: original,
      preparedDigest: Digest.sha256 { prepared.piece(at: $0, ofAtMost: $1) }, originalPath: Self.absolute(path),
      preparedPath: Self.absolute(preparedPath), originalByteCount: UInt64(image.original.count),
      preparedByteCount: prepared.byteCount, segments: image.segments, arena: image.arena,
      entryPoint: image.entryPoint, switchesStacks: image.switchesStacks)
  }

  private static func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.path
  }

  /// The prepared image first: a journal without one would be of no use, the other way round it is only a file.
  func finish(journalPath: String) throws -> ImageAdoption.Outcome {
    try prepared.write(toNewFile: preparedPath, permissionsOf: path)
    do {
      let prepared = prepared
      let content = BaseContent(
        symbols: image.symbols, imports: image.imports, types: image.types, libraries: image.libraries
      ) { prepared.bytes(at: $0, count: $1) }
      let store = try JournalStore.create(at: journalPath, base: base, content: content)
      return ImageAdoption.Outcome(store: store, notes: image.notes, symbolCount: image.symbols.count)
    } catch {
      try? FileManager.default.removeItem(atPath: preparedPath)
      throw error
    }
  }
}
