public import Addressing

/// Why nothing was linked. Whenever one is thrown, the journal, the image and every task are untouched.
public struct LinkError: Error, Sendable {
  /// The closed list of reasons.
  public enum Code: String, Sendable, CaseIterable {
    case fileExists
    case unreadableObject
    case notARelocatableObject
    case wrongArchitecture
    case linkTimeCode
    case imageWithoutSymbols
    case unsupportedRelocation
    case relocationOutOfRange
    case malformedRelocation
    case undefinedSymbol
    case ambiguousSymbol
    case ambiguousLocal
    case variableSizeChanged
    case constantGrew
    case variableKindChanged
    case typeLayoutChanged
    case foldedFunctionsDiverge
    case tooShortForEntryStub
    case newThreadLocal
    case importedThreadLocal
    case newNeededLibrary
    case directReferenceToImport
    case initialValueWithoutFileBytes
    case duplicateDefinition
    case constructorChanged
    case sectionAnchors
    case linkerSetChanged
    case resolverChanged
    case variableSplit
    case arenaFull
    case arenaDoesNotGrow
    case noLoaderRoom
    case disassembly
    case notAnImage
    case otherImage
    case imageChanging
    case observedJournal
    case preparedJournal
    case revertConflict
    case nothingToRevert
    case objectFile
    case journal
  }

  public var code: Code
  /// The object file's path.
  public var object: String?
  public var symbol: String?
  /// A virtual address in the image.
  public var address: VirtualAddress?
  /// What was found: sizes, kinds, names; a clause without a full stop.
  public var detail: String?
  public var cause: (any Error)?
  /// Of `.revertConflict`: all that stands in the way.
  public var conflicts: [RevertConflict]

  public init(
    _ code: Code, object: String? = nil, symbol: String? = nil, address: VirtualAddress? = nil,
    detail: String? = nil, cause: (any Error)? = nil, conflicts: [RevertConflict] = []
  ) {
    self.conflicts = conflicts
    self.code = code
    self.object = object
    self.symbol = symbol
    self.address = address
    self.detail = detail
    self.cause = cause
  }
}
