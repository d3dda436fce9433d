import ObjectFile

/// What an object file says, in the terms in which pieces are made of it: the seam between the linker and the format of
/// object files.
///
/// Offsets count from the start of their section. Relocations are those of the machine's psABI for ELF, with addends:
/// see `Machine`.
protocol ObjectSource {
  /// The name of the compilation unit; empty where the object has none.
  var unit: String { get }
  /// Variables that have no section yet; their value is their alignment.
  var common: [PieceSymbolAt] { get }
  /// Functions that the loader asks the object's own code for.
  var indirect: [IndirectFunction] { get }

  /// What is loaded of the object and holds pieces.
  func sections() throws -> [SourceSection]
  /// Nil for bytes that are all zero and not in the file.
  func bytes(of section: SourceSection, from start: UInt64, count: UInt64) throws -> [UInt8]?
  /// The symbols that name something in a section, ascending by value.
  func defined(in section: Int) -> ArraySlice<PieceSymbolAt>
  /// - Parameter index: as relocations give it; 0 is no symbol.
  func symbol(_ index: Int) throws -> ObjectSymbol
  /// By section, those that hold no pieces included.
  func relocations() throws -> [(section: Int, relocations: [SourceRelocation])]
  /// What is said of functions for whoever unwinds the stack.
  func unwinding() throws -> [ObjectUnwinding]
  /// Thread-local variables of which code takes descriptors by name: the image's own, for there are no new ones.
  func threadLocalNames() throws -> Set<String>
  /// What leads to functions that run before `main`, or after it.
  func constructors() throws -> [SourceRelocation]
  /// The compilers, as they name themselves.
  func producers() throws -> [String]
}

/// A section of an object, as its pieces are made of it.
struct SourceSection {
  let index: Int
  let content: SectionContent
  let byteCount: UInt64
  let alignment: UInt64
  let isZeroFill: Bool
  /// A group of which linkers keep one (COMDAT).
  var isInGroup = false
  /// The name, where linkers bound the section by symbols made of it (`__start_NAME`).
  var setName: String?
}

struct SourceRelocation {
  let offset: UInt64
  let type: UInt32
  let symbol: Int
  let addend: Int64
}

/// What a section of an object file holds, as the linker goes about it.
enum SectionContent {
  /// Code that stays together.
  case code
  /// Code that may be split at its symbols.
  case functions
  /// Strings that linkers merge, of characters with so many bytes.
  case strings(UInt64)
  /// Constants of one size that linkers merge.
  case records(UInt64)
  case data(ObjectPiece.Kind)
  /// Functions' exception tables, which begin at these offsets.
  case exceptionTables(Set<UInt64>)
}
