import Journal
import ObjectFile

/// Compares the objects that an image is said to be linked from with the image, when it is adopted: what is not the
/// same is named then, and not taken for an edit at the first update.
struct ObjectCheck {
  private let paths: [String]
  private let inputs: [ObjectInput]

  /// - Throws: for a file that is no object, before anything has been made.
  init(_ paths: [String]) throws(LinkError) {
    var inputs: [ObjectInput] = []
    for path in paths {
      let input = try ObjectInput(path: path)
      guard input.isRelocatable else { throw LinkError(.notARelocatableObject, object: path) }
      inputs.append(input)
    }
    self.paths = paths
    self.inputs = inputs
  }

  /// For an ELF image.
  func elf() throws(LinkError) -> [ELFFile] {
    var files: [ELFFile] = []
    for (path, input) in zip(paths, inputs) {
      try input.check(format: .elf, path: path)
      if case .elf(let file) = input { files.append(file) }
    }
    return files
  }

  /// For a Mach-O image.
  func machO() throws(LinkError) -> [(path: String, file: MachOFile)] {
    var files: [(path: String, file: MachOFile)] = []
    for (path, input) in zip(paths, inputs) {
      try input.check(format: .machO, path: path)
      if case .machO(let file) = input { files.append((path, file)) }
    }
    return files
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
