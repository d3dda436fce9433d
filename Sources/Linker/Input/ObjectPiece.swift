import Addressing
import ObjectFile

/// The smallest run of an object file's bytes that keeps its inner distances when it is placed: an atom, or several
/// that the compiler put into one section without `-ffunction-sections`.
struct ObjectPiece {
  enum Kind {
    case code
    /// Named data that the program never writes: `.rodata`, `.data.rel.ro`.
    case constant
    case variable
    case threadLocal
    /// Data that no symbol names: a string, a floating point constant, a jump table. It has no identity but its content.
    case literal
  }

  let index: Int
  let section: Int
  /// In bytes from the start of the section.
  let start: UInt64
  private(set) var byteCount: UInt64
  let alignment: UInt64
  let kind: Kind
  /// `.bss` and its like: no bytes in the object, all zero.
  let isZeroFill: Bool
  /// In a COMDAT group: whichever object's the linker took, every object's is the same.
  var isInGroup = false
  /// Where it is a C identifier: then linkers define `__start_` and `__stop_` symbols around the section.
  var setName: String?
  /// Ascending by offset; empty for a literal.
  var symbols: [PieceSymbol] = []
  /// Offsets from the start of the piece.
  var relocations: [AtomRelocation] = []
  /// What each relocation refers to; parallel to `relocations`.
  var targets: [ReferenceTarget] = []
  /// What each relocation's symbol value is, in bytes from the start of the target's section; parallel to `relocations`.
  /// A target piece placed at P makes the psABI's S equal to P + anchor − the piece's start.
  var anchors: [UInt64] = []
  var bytes: [UInt8]
  /// Of the functions in it.
  var unwinding: [PieceUnwinding] = []
  /// Code that takes the page of the GOT, to read cells by their distance from it.
  var goesByOffsetTable = false
  /// The functions that the loader asks code in it for.
  var resolved: [String] = []
  /// By the relocation's index.
  var detours: [Int: Detour] = [:]

  /// - Precondition: it has one symbol, at its start, and is longer.
  mutating func trim(to byteCount: UInt64) {
    self.byteCount = byteCount
    bytes = Array(bytes.prefix(Int(clamping: byteCount)))
    symbols = symbols.map {
      PieceSymbol(
        name: $0.name, offset: $0.offset, byteCount: byteCount, isLocal: $0.isLocal, isWeak: $0.isWeak,
        isFunction: $0.isFunction, symbolIndex: $0.symbolIndex)
    }
  }

  var end: UInt64 { start &+ byteCount }

  /// The symbol that an offset belongs to: the last one that begins there or before.
  func symbol(at offset: UInt64) -> PieceSymbol? { symbols.last { $0.offset <= offset } ?? symbols.first }

  /// The function that stands for the piece in messages.
  var name: String { symbols.first?.name ?? "" }
}

/// A symbol that an object file defines within a piece.
struct PieceSymbol: Hashable {
  let name: String
  /// In bytes from the start of the piece.
  let offset: UInt64
  let byteCount: UInt64
  let isLocal: Bool
  let isWeak: Bool
  let isFunction: Bool
  let symbolIndex: Int
}

/// Where a relocation of an object file leads.
enum ReferenceTarget: Hashable {
  /// A symbol that another file defines.
  case external(name: String, isWeak: Bool)
  /// A function of this object, at its first byte: its canonical entry is meant.
  case entry(piece: Int, symbol: Int)
  /// A place inside the code or data of this object; `offset` is the place in the piece, in bytes, where it could be
  /// told, and `nil` where only the piece is known (entries of a jump table).
  case inner(piece: Int, offset: UInt64?)
  case absolute(UInt64)
  case none

  /// What code that goes by the place of the GOT names.
  static let offsetTable = "_GLOBAL_OFFSET_TABLE_"
}
