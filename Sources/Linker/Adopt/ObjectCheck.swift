import Journal
import ObjectFile

/// Compares the objects that an image is said to be linked from with the image, when it is adopted: what is not the
/// same is named then, and not taken for an edit at the first update.
struct ObjectCheck {
  private let paths: [String]
  let files: [ELFFile]

  /// - Throws: for a file that is no object, before anything has been made.
  init(_ paths: [String]) throws(LinkError) {
    var files: [ELFFile] = []
    for path in paths {
      let file: ELFFile
      do {
        file = try ELFFile(try MappedFile(path: path))
      } catch {
        throw LinkError(.unreadableObject, object: path, cause: error)
      }
      guard file.header.type == .relocatable else { throw LinkError(.notARelocatableObject, object: path) }
      files.append(file)
    }
    self.paths = paths
    self.files = files
  }

  /// What the objects are not, against the base image of a new journal.
  func notes(_ store: JournalStore) throws(LinkError) -> [LinkNote] {
    let linker = try IncrementalLinker(store: store, parent: store.base.digest)
    let nothing = IncrementalLinker.Description(time: 0, author: "", message: "")
    return paths.flatMap { path -> [LinkNote] in
      // What cannot even be linked is not what the image was linked from either.
      guard let result = try? linker.link(objectsAt: [path], nothing) else {
        return [LinkNote(kind: .objectDiffers, subject: path)]
      }
      let lasting = result.notes.filter { $0.kind == .sectionIsAtom }
      return result.content == nil ? lasting : lasting + [LinkNote(kind: .objectDiffers, subject: path)]
    }
  }
}
