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
  private let tables: ImageTables
  private let keptCount: Int

  /// How many updates are kept for an instant roll back where nobody says otherwise.
  public static let standardKeptCount = RoomReuse.standardKept

  /// - Parameters:
  ///   - parent: the digest of the update that the new one follows.
  ///   - keptCount: how many updates must stay that a process can go back to by a store: once the arena is full, bodies
  ///     that none of them needs make room for new ones. At least 1.
  /// - Throws: `LinkError` where the journal's arena is not of a kind that this linker knows.
  public init(
    store: JournalStore, parent: Digest, keptCount: Int = standardKeptCount
  ) throws(LinkError) {
    guard store.base.isPrepared else { throw LinkError(.observedJournal, object: store.path) }
    self.store = store
    self.parent = parent
    self.keptCount = keptCount
    tables = try ImageTables(store.base)
  }

  /// Links the objects against the image at the parent update.
  ///
  /// - Parameter paths: relocatable objects of the image's format, as any compiler wrote them.
  /// - Throws: what is refused, by name; the journal is only read.
  public func link(objectsAt paths: [String], _ description: Description) throws(LinkError) -> Result {
    var objects: [ObjectGraph] = []
    var types: [ObjectTypes] = []
    var sources = SourceLines()
    for path in paths {
      let input = try ObjectInput(path: path)
      try input.check(format: store.base.format, path: path)
      let facts = try input.types(path: path)
      objects.append(
        try input.graph(path: path, machine: store.base.machine, producers: facts.producers, unit: unit(named:)))
      types.append(facts)
      sources.add(input, path: path)
    }
    return try store.whileReading { () throws(LinkError) in
      try link(LinkSet(objects), types, &sources, description)
    }
  }

  /// The unit of an object that does not name its own. In an image that tells of no units all local symbols are of one,
  /// without a name.
  private func unit(named name: String) throws(LinkError) -> String {
    try fromJournal { () throws(JournalError) in
      guard try store.units(named: name).isEmpty else { return name }
      return try store.units(named: "").isEmpty ? name : ""
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
    var identities = AtomIdentities(set: set, types: types, directory: directory, memory: memory)
    if memory.hasDerivedSizes {
      try DerivedSizes(memory: memory).trim(&set, identities)
      identities = AtomIdentities(set: set, types: types, directory: directory, memory: memory)
    }
    var differ = Differ(identities: identities, memory: memory)
    var decisions = try differ.decide()
    if memory.machine.architecture == .arm64 {
      try SectionAnchors(identities: identities, decisions: decisions).check()
    }
    let removals = try Removals(identities: identities, decisions: decisions).changes()
    try LinkerSets(identities: identities, decisions: decisions).refuseChanges(removals)
    try decisions.checkResolvers(of: set)
    let newTypes = try TypeComparison(directory: directory).compare(set, types, decisions: &decisions)
    guard !decisions.isEmpty else { return Result(content: nil, notes: decisions.notes) }
    let cursors = try fromJournal { () throws(JournalError) in try store.cursors() }
    let allocator = ArenaAllocator(
      arena: store.base.arena, growth: store.base.growth.map(\.range), cursors: cursors)
    let loader = try tables.loaderRecords(store: store, parent: parent, cursors: cursors)
    let state = EmitterState(base: store.base, allocator: allocator, loader: loader)
    var emitter = UpdateEmitter(
      identities: identities, decisions: decisions, memory: memory, base: store.base,
      isFirst: parent == store.base.digest,
      state: state, reuse: RoomReuse(store: store, parent: parent, memory: memory, keptCount: keptCount))
    var content = try emitter.emit(description, types: newTypes, removals: removals)
    content.sources = sources.map(of: emitter.codePlaces, in: set)
    let rooms = ArenaUse(of: store.base.arena, tables, content.cursors).notes
    return Result(content: content, notes: decisions.notes + emitter.notes + sources.notes + rooms)
  }
}
