/// The version of a dynamic symbol (LSB, Symbol Versioning).
public struct ELFSymbolVersion: Hashable, Sendable {
  public let name: String
  /// The library a needed version comes from, nil for a version that the image itself defines.
  public let library: String?
  /// Whether a reference without a version passes the symbol by: `name@VERSION`, where the default is `name@@VERSION`.
  public let isHidden: Bool

  /// A definition that a reference without a version finds.
  public var isDefault: Bool { library == nil && !isHidden }
}

/// The versions of an image's dynamic symbols: those it needs of others and those it defines.
public struct ELFSymbolVersions: Sendable {
  struct Version: Hashable, Sendable {
    var name: String
    var library: String?
  }

  /// By version index. 0 and 1 stand for local and unversioned.
  private var versions: [UInt16: Version] = [:]
  private let indexes: ByteView

  init(indexes: ByteView) { self.indexes = indexes }

  /// The version of dynamic symbol `symbolIndex`; nil if it has none.
  public func version(of symbolIndex: Int) -> ELFSymbolVersion? {
    guard let raw = rawIndex(of: symbolIndex), raw & 0x7FFF > 1, let version = versions[raw & 0x7FFF] else {
      return nil
    }
    return ELFSymbolVersion(name: version.name, library: version.library, isHidden: raw & 0x8000 != 0)
  }

  /// The word of `.gnu.version`: bit 15 says hidden, 0 local, 1 unversioned. Nil past the end of the table.
  public func rawIndex(of symbolIndex: Int) -> UInt16? { try? indexes.load(UInt16.self, at: symbolIndex &* 2) }

  /// The names of the versions the image defines, the base one (its own name) excluded.
  public var definedNames: [String] {
    versions.sorted { $0.key < $1.key }.filter { $0.key > 1 && $0.value.library == nil }.map(\.value.name)
  }

  /// The versions the image needs, by the library they come from.
  public var needed: [String: [String]] {
    var result: [String: [String]] = [:]
    for (_, version) in versions.sorted(by: { $0.key < $1.key }) {
      if let library = version.library { result[library, default: []].append(version.name) }
    }
    return result
  }

  /// The highest version index in use; a new one goes above it.
  public var highestIndex: UInt16 { versions.keys.max() ?? 1 }
}

extension ELFFile {
  public func versions() throws(ObjectFileError) -> ELFSymbolVersions? {
    guard let dynamic = try dynamic(), let indexes = dynamic.first(.symbolVersions) else { return nil }
    let symbolCount = UInt64(try symbolTable(.dynamic)?.count ?? 0)
    var result = ELFSymbolVersions(indexes: try bytes(at: indexes.address, count: symbolCount * 2))
    try result.readNeeds(dynamic, self)
    try result.readDefinitions(dynamic, self)
    return result
  }
}

extension ELFSymbolVersions {
  /// Verneed records, each with a chain of Vernaux (LSB, Version Requirements).
  fileprivate mutating func readNeeds(_ dynamic: ELFDynamic, _ file: ELFFile) throws(ObjectFileError) {
    guard let start = dynamic.first(.versionNeeds), let count = dynamic.value(.versionNeedCount), count > 0 else {
      return
    }
    let table = try file.bytes(from: start.address)
    var walk = VersionWalk(table: table, file: file)
    for at in try walk.chain(from: 0, count: count, nextAt: 12) {
      let library = try dynamic.strings.string(at: table.load(UInt32.self, at: at + 4))
      let auxiliaries = UInt64(try table.load(UInt16.self, at: at + 2))
      let first = UInt64(at) + UInt64(try table.load(UInt32.self, at: at + 8))
      for auxiliary in try walk.chain(from: first, count: auxiliaries, nextAt: 12) {
        let name = try dynamic.strings.string(at: table.load(UInt32.self, at: auxiliary + 8))
        let index = try table.load(UInt16.self, at: auxiliary + 6) & 0x7FFF
        versions[index] = Version(name: name, library: library)
      }
    }
  }

  /// Verdef records; the first Verdaux of each is its name, the others its parents (LSB, Version Definitions).
  fileprivate mutating func readDefinitions(_ dynamic: ELFDynamic, _ file: ELFFile) throws(ObjectFileError) {
    guard let start = dynamic.first(.versionDefinitions), let count = dynamic.value(.versionDefinitionCount), count > 0
    else { return }
    let table = try file.bytes(from: start.address)
    var walk = VersionWalk(table: table, file: file)
    for at in try walk.chain(from: 0, count: count, nextAt: 16) {
      let auxiliary = at + Int(try table.load(UInt32.self, at: at + 12))
      let name = try dynamic.strings.string(at: table.load(UInt32.self, at: auxiliary))
      let index = try table.load(UInt16.self, at: at + 4) & 0x7FFF
      versions[index] = Version(name: name, library: nil)
    }
  }
}

/// Follows the chains of version records, which link each to the next by a distance in bytes.
///
/// Records are at least 16 bytes and do not overlap, so the table's size bounds the steps of all chains together; more
/// of them means that chains run into each other.
private struct VersionWalk {
  let table: ByteView
  let file: ELFFile
  private var steps = 0

  init(table: ByteView, file: ELFFile) {
    self.table = table
    self.file = file
  }

  /// The offsets of up to `count` records, until one has no next.
  mutating func chain(from start: UInt64, count: UInt64, nextAt field: Int) throws(ObjectFileError) -> [Int] {
    var result: [Int] = []
    var at = start
    while UInt64(result.count) < count {
      steps += 1
      guard steps <= table.count / 16 + 1 else {
        throw file.failure(.cyclicReference, at: table.fileOffset, detail: "chains of version records overlap")
      }
      let record = try table.slice(at, UInt64(field + 4))
      result.append(Int(at))
      let distance = UInt64(record.loadValidated(UInt32.self, at: field))
      if distance == 0 { break }
      at += distance
    }
    return result
  }
}
