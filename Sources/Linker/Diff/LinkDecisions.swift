import Addressing
import Journal

/// What becomes of each piece of the objects.
struct LinkDecisions {
  /// Get a new place in the arena.
  var placed: Set<PieceID> = []
  /// Functions of placed sections that go on in their old bodies: they have no room for an entry stub, and need none.
  var staying: Set<LinkSet.Definition> = []
  /// Functions too short for an entry stub, whose new bodies fit where the old ones stand; by the piece's start.
  var inPlace: [PieceID: VirtualAddress] = [:]
  /// Named constants whose bytes change where they stand; by the piece's start.
  var rewritten: [PieceID: VirtualAddress] = [:]
  /// Variables whose first value changes; by the piece's start.
  var reinitialized: [PieceID: VirtualAddress] = [:]
  /// Pieces that stay what and where they are; by the piece's start.
  var kept: [PieceID: VirtualAddress] = [:]
  /// What the user should know though nothing is refused.
  var notes: [LinkNote] = []

  /// Whether the piece's bytes change, wherever they come to stand.
  func changes(_ id: PieceID) -> Bool {
    placed.contains(id) || inPlace[id] != nil || rewritten[id] != nil || reinitialized[id] != nil
  }

  var isEmpty: Bool { placed.isEmpty && inPlace.isEmpty && rewritten.isEmpty && reinitialized.isEmpty }
}

/// Something worth knowing about an update that is linked all the same.
public struct LinkNote: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// No debug information: only sizes were compared.
    case layoutUnchecked
    /// Built without -ffunction-sections: a whole section is one atom.
    case sectionIsAtom
    /// A constant that grew has moved: pointers to it that the program keeps still lead to the old one.
    case constantMoved
    /// The function's type changed: callers that were not compiled anew go on calling the old one.
    case prototypeChanged
    /// Callers may rely on the registers that old bodies leave alone (GCC without -fno-ipa-ra).
    case calleeRegisters
    /// The image has no `.eh_frame_hdr` to add to: exceptions, backtraces and cancelled threads end at a new body.
    case noUnwindTable
    /// Nothing is added to a Mach-O image's `__unwind_info`: exceptions and backtraces end at a new body.
    case noCompactUnwind
    /// Nothing says to which object a Mach-O image's local symbols belong.
    case unitsUnknown
    /// An object that the image is said to be linked from holds something else, or was not linked into it.
    case objectDiffers
    /// The object's line information could not be read: the update has no lines of the source for it.
    case linesUnread
    /// An observed linker has given a variable another place, where it begins with its first value.
    case variableMoved
  }

  public var kind: Kind
  /// The symbol or object that it is about.
  public var subject: String
}
