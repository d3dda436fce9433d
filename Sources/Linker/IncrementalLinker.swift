import Addressing
public import Journal
import ObjectFile

/// What links changed objects into an adopted image: objects in, the content of one update out.
///
/// The phases read earlier results and never change them: objects → graph (Input), graph against image (Diff), places
/// (Layout), relocated bytes and their operations (Emit). Nothing is written anywhere: the update is the whole result.
public struct IncrementalLinker {
  /// What the user says of an update.
  public struct Description: Sendable {
    /// Milliseconds since 1970-01-01 UTC.
    public var time: Int64
    public var author: String
    public var message: String
    public var sourceRevision: String?

    public init(time: Int64, author: String, message: String, sourceRevision: String? = nil) {
      self.time = time
      self.author = author
      self.message = message
      self.sourceRevision = sourceRevision
    }
  }

  /// A linked update, not yet in the journal.
  public struct Result: Sendable {
    /// Nil where the objects hold nothing that the image does not have already.
    public var content: UpdateContent?
    public var notes: [LinkNote]
  }

  private let store: JournalStore
  private let parent: Digest
  private let tables: ELFArenaLayout

  /// - Parameter parent: the digest of the update that the new one follows.
  /// - Throws: `LinkError` where the journal's arena is not of a kind that this linker knows.
  public init(store: JournalStore, parent: Digest) throws(LinkError) {
    guard store.base.isPrepared else { throw LinkError(.observedJournal, object: store.path) }
    guard let tables = ELFArenaLayout(encoded: store.base.arena.loaderTables) else {
      throw LinkError(.journal, detail: "the arena's description in the journal cannot be read")
    }
    self.store = store
    self.parent = parent
    self.tables = tables
  }

  /// Links the objects against the image at the parent update.
  ///
  /// - Parameter paths: ELF relocatable objects, as any compiler wrote them.
  /// - Throws: what is refused, by name; the journal is only read.
  public func link(objectsAt paths: [String], _ description: Description) throws(LinkError) -> Result {
    var objects: [ObjectGraph] = []
    var types: [ObjectTypes] = []
    var sources = SourceLines()
    for path in paths {
      let file = try Self.open(path)
      let facts = try ObjectTypes(file, path: path)
      objects.append(try ObjectGraph(file, path: path, machine: store.base.machine, producers: facts.producers))
      types.append(facts)
      sources.add(file, path: path)
    }
    return try store.whileReading { () throws(LinkError) in
      try link(LinkSet(objects), types, &sources, description)
    }
  }

  private static func open(_ path: String) throws(LinkError) -> ELFFile {
    let mapped: MappedFile
    do {
      mapped = try MappedFile(path: path)
    } catch {
      throw LinkError(.unreadableObject, object: path, cause: error)
    }
    do {
      return try ELFFile(mapped)
    } catch {
      if IntermediateCode.isBitcode(mapped) { throw LinkError(.linkTimeCode, object: path) }
      throw LinkError(.unreadableObject, object: path, cause: error)
    }
  }

  private func link(
    _ set: LinkSet, _ types: [ObjectTypes], _ sources: inout SourceLines, _ description: Description
  ) throws(LinkError) -> Result {
    let directory = AtomDirectory(store: store, parent: parent)
    let names = set.names
    try directory.prepare(names.all, globals: names.globals)
    var set = set
    try WeakDefinitions(directory: directory).removeOverridden(from: &set)
    try LibraryReferences(directory: directory).detour(&set)
    let memory = PlacedMemory(store: store, parent: parent, tables: tables)
    let identities = AtomIdentities(set: set, types: types, directory: directory, memory: memory)
    var differ = Differ(identities: identities, memory: memory)
    var decisions = try differ.decide()
    if memory.machine.architecture == .arm64 {
      try SectionAnchors(identities: identities, decisions: decisions).check()
    }
    try LinkerSets(identities: identities, decisions: decisions).refuseChanges()
    let newTypes = try TypeComparison(directory: directory).compare(set, types, decisions: &decisions)
    guard !decisions.isEmpty else { return Result(content: nil, notes: decisions.notes) }
    let cursors = try fromJournal { () throws(JournalError) in try store.cursors() }
    let allocator = ArenaAllocator(arena: store.base.arena, cursors: cursors)
    let loader = try LoaderRecords(tables: tables, store: store, parent: parent, cursors: cursors)
    let state = EmitterState(base: store.base, allocator: allocator, loader: loader)
    var emitter = UpdateEmitter(
      identities: identities, decisions: decisions, memory: memory, base: store.base,
      isFirst: parent == store.base.digest,
      state: state)
    var content = try emitter.emit(description, types: newTypes)
    content.sources = sources.map(of: emitter.codePlaces, in: set)
    return Result(content: content, notes: decisions.notes + sources.notes)
  }
}
