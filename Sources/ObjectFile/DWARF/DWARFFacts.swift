/// What debug information says of one object or image, as far as an update depends on it: the layouts of types, and
/// functions and static variables with their types.
///
/// Texts of types are written so that equal texts mean equal layouts, by any compiler and in any version of DWARF
/// (`DWARFTypeWriter` has the rules). A reader that meets a language it does not know finds fewer facts, never wrong
/// ones.
public struct DWARFFacts: Sendable {
  public internal(set) var units: [DWARFUnitFacts] = []
  /// Each layout once, with the units that have it: two units may well use one name for different types.
  public internal(set) var types: [DWARFTypeLayout] = []
  public internal(set) var functions: [DWARFFunction] = []
  public internal(set) var variables: [DWARFVariable] = []
  /// Indexes in `types`.
  var typesByName: [String: [Int]] = [:]

  /// Nil when there is no debug information to be read here; `presence(in:)` says why.
  public init?(_ file: ELFFile) throws(ObjectFileError) {
    try self.init(DWARFSections(file))
  }

  /// Of an object; nil when it has no debug information.
  public init?(_ file: MachOFile) throws(ObjectFileError) {
    try self.init(DWARFSections(file))
  }

  private init?(_ sections: DWARFSections?) throws(ObjectFileError) {
    guard let sections else { return nil }
    let facts = try sections.withUnsafeBytes { (bytes) throws(ObjectFileError) -> DWARFFacts? in
      let reader = try DWARFReader(sections, bytes)
      if reader.presence != .present { return nil }
      var builder = DWARFFactsBuilder(reader)
      return try builder.build()
    }
    guard let facts else { return nil }
    self = facts
  }

  init() {}

  public static func presence(in file: ELFFile) throws(ObjectFileError) -> DWARFPresence {
    let presence = DWARFSections.presence(in: file)
    guard presence == .present, let sections = try DWARFSections(file) else { return presence }
    return try sections.withUnsafeBytes { (bytes) throws(ObjectFileError) in
      try DWARFReader(sections, bytes).presence
    }
  }

  /// The layout that a unit's text means by a name: the unit's own, else the only one there is.
  public func type(named name: String, in unit: Int) -> DWARFTypeLayout? {
    guard let candidates = typesByName[name] else { return nil }
    let own = candidates.first { types[$0].units.contains(unit) }
    return (own ?? (candidates.count == 1 ? candidates.first : nil)).map { types[$0] }
  }
}

extension DWARFReader {
  /// Split where no unit has its entries in this file.
  var presence: DWARFPresence {
    if units.isEmpty { return .absent }
    if units.allSatisfy({ $0.attributes.isSkeleton || $0.kind.isSplit }) { return .split }
    return units.indices.contains(where: tellsTypes) ? .present : .linesOnly
  }
}

extension DWARFUnit.Kind {
  var isSplit: Bool {
    if case .split = self { return true }
    return false
  }
}

/// A compilation unit.
public struct DWARFUnitFacts: Hashable, Sendable {
  /// The source file as the compiler was given it.
  public var name: String
  public var directory: String?
  /// The compiler and the options that it chose to tell.
  public var producer: String?
  /// `DW_LANG_*` (DWARF 5, 7.12).
  public var language: UInt64
  public var lowPC: DWARFLocation?
}

/// The layout of a struct, union, class or enum declared outside any function.
public struct DWARFTypeLayout: Hashable, Sendable {
  /// With its tag, namespaces and enclosing classes: `struct conn`. `typedef conn_t` where only a typedef names it.
  public var name: String
  public var byteCount: UInt64
  /// `struct 16 {next@0 *struct conn; len@8 unsigned4}`.
  public var layout: String
  /// The units that have this layout, as indexes in `DWARFFacts.units`. Empty where the compiler wrote it apart from
  /// all units (`-fdebug-types-section`).
  public var units: [Int]
  /// The named types that the layout speaks of, held by value or pointed to.
  public var references: [String]
}

/// A function that is defined in the file, or was inlined wherever it was called.
public struct DWARFFunction: Hashable, Sendable {
  /// As in the source, with namespaces and classes.
  public var name: String
  /// The symbol's name where it is another one.
  public var linkageName: String?
  /// Where its code starts; nil where there is none, because it was inlined everywhere or the linker dropped it.
  public var location: DWARFLocation?
  /// Of the code at `location`; a part that the compiler moved elsewhere as cold is not in it.
  public var byteCount: UInt64
  public var isExternal: Bool
  /// Whether there are copies of it in other functions.
  public var isInlined: Bool
  public var unit: Int
  public var declarationFile: String?
  public var declarationLine: Int
  /// `fn(*struct conn, signed4) -> void`.
  public var prototype: String
  /// The named types in the prototype.
  public var references: [String]
  /// The function it is nested in, as an index in `DWARFFacts.functions`.
  public var parent: Int?
}

/// A variable with a place of its own: global, static in a file, or static in a function.
public struct DWARFVariable: Hashable, Sendable {
  public var name: String
  public var linkageName: String?
  public var location: DWARFLocation
  public var isThreadLocal: Bool
  /// The function in which it is declared; nil at unit level.
  public var enclosingFunction: String?
  /// Tells variables of one name in one function apart: how many of the function's blocks start before it, its own
  /// included.
  public var blockOrder: Int
  public var unit: Int
  public var isExternal: Bool
  /// Like a member's type: `struct conn 24 #91ab…`.
  public var type: String
  public var byteCount: UInt64?
  /// The named types in the type.
  public var references: [String]
  public var declarationFile: String?
  public var declarationLine: Int
}
