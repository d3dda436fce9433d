import Addressing
public import Journal
import ObjectFile

/// What makes an update of an image that another incremental linker has rewritten: the image as the journal has it and
/// the image as it is now, compared as images.
public struct ImageObserver {
  public typealias Description = IncrementalLinker.Description
  public typealias Result = IncrementalLinker.Result

  private let store: JournalStore
  private let parent: Digest

  /// - Parameter parent: the digest of the update that the new one follows.
  /// - Throws: `.preparedJournal` where the journal is of an image whose updates are linked.
  public init(store: JournalStore, parent: Digest) throws(LinkError) {
    guard !store.base.isPrepared else { throw LinkError(.preparedJournal, object: store.path) }
    self.store = store
    self.parent = parent
  }

  /// Compares the image at a path with the parent update's. The image is read whole, and again until it is at rest.
  public func observe(imageAt path: String, _ description: Description) throws(LinkError) -> Result {
    let (file, digest) = try ImageReading.settled(at: path)
    do {
      return try store.whileReading { () throws -> Result in try observe(file, digest, description) }
    } catch let error as LinkError {
      throw error
    } catch {
      throw LinkError(.journal, object: path, cause: error)
    }
  }

  private func observe(_ file: MappedFile, _ digest: Digest, _ description: Description) throws -> Result {
    var before = try ImageReading.image(of: store, at: parent)
    let known = Digest.sha256(of: before.file)
    if known == digest { return Result(content: nil, notes: []) }
    var after = try ImageReading.image(file)
    try KnownAtoms(store: store, parent: parent).complete(&before, &after)
    try ImageKinship(before: before, after: after).check()
    let memory = try ParentMemory(store, at: parent, comparedWith: after)
    let superseded = try store.supersededBodies(at: parent)
    var draft = ObservationDraft(
      before: before, after: after, base: store.base, superseded: superseded, memory: memory,
      cursors: try store.cursors()
    ) { (range) throws(JournalError) in try store.bytes(range, at: parent) }
    try draft.make()
    let (operations, atoms, guards) = draft.finished()
    var comparison = FileComparison(before: before, after: after)
    let fileOperations = comparison.operations(beside: operations)
    let content = UpdateContent(
      time: description.time, author: description.author, message: description.message,
      sourceRevision: description.sourceRevision, operations: operations + fileOperations, atoms: atoms,
      guards: guards, cursors: draft.cursors,
      observation: Observation(
        before: Observation.File(before, digest: known), after: Observation.File(after, digest: digest),
        places: comparison.places))
    return Result(content: content, notes: draft.notes)
  }
}

extension Observation.File {
  init(_ image: ObservedImage, digest: Digest) {
    self.init(digest: digest, byteCount: UInt64(image.file.count), identity: image.identity)
  }
}

/// Whether one image can have become the other: an incremental linker leaves most of a program as it is.
private struct ImageKinship {
  let before: ObservedImage
  let after: ObservedImage

  func check() throws(LinkError) {
    if let difference { throw LinkError(.otherImage, object: after.name, detail: difference) }
  }

  private var difference: String? {
    if after.format != before.format || after.architecture != before.architecture {
      return "it is for another system or processor"
    }
    if after.isPositionIndependent != before.isPositionIndependent { return "one of them slides, the other does not" }
    func names(_ image: ObservedImage) -> Set<String> {
      Set(image.symbols.filter { $0.kind == .function }.map(\.name))
    }
    let (old, new) = (names(before), names(after))
    let shared = old.intersection(new).count
    guard shared * 2 >= min(old.count, new.count), shared > 0 else {
      return "of \(old.count) functions it has \(shared)"
    }
    return nil
  }
}
