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

  /// Refuses other answers to what the loader has asked: a running program keeps the first. Among other functions in one
  /// section it is not known whether the resolver has changed.
  mutating func checkResolvers(of set: LinkSet) throws(LinkError) {
    for id in set.ids where changes(id) {
      guard let name = set[id].resolved.first else { continue }
      guard Set(set[id].symbols.lazy.filter(\.isFunction).map(\.offset)).count == 1 else {
        notes.append(LinkNote(kind: .resolverNotAsked, subject: name))
        continue
      }
      throw LinkError(
        .resolverChanged, object: set.objects[id.object].path, symbol: set[id].name,
        detail: "the resolver of the indirect function (ifunc) \(name)")
    }
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
    /// A variable begins with another value: running processes keep the one that they have.
    case firstValueChanged
    /// The function's type changed: callers that were not compiled anew go on calling the old one.
    case prototypeChanged
    /// Callers may rely on the registers that old bodies leave alone (GCC without -fno-ipa-ra).
    case calleeRegisters
    /// The image has no `.eh_frame_hdr` to add to: exceptions, backtraces and cancelled threads end at a new body.
    case noUnwindTable
    /// The Mach-O image has no `__unwind_info` to add to: exceptions and backtraces end at a new body.
    case noCompactUnwind
    /// Of a Mach-O function only DWARF describes the frame: exceptions and backtraces end at its new body.
    case frameUntold
    /// Nothing says what a library of a Mach-O image exports, so that no update can import more of it.
    case libraryUnknown
    /// Nothing says to which object a Mach-O image's local symbols belong.
    case unitsUnknown
    /// An object that the image is said to be linked from holds something else, or was not linked into it.
    case objectDiffers
    /// The object's line information could not be read: the update has no lines of the source for it.
    case linesUnread
    /// An indirect function's resolver is linked anew with its section: running processes keep its first answer.
    case resolverNotAsked
    /// The arena is full: the function's new body stands where an old one stood. Going back that far takes more than a store.
    case roomReused
    /// What is fresh of the arena is used up: the file becomes longer, and processes get more memory mapped.
    case arenaGrows
    /// Less than an eighth is left of a part of the arena, all that it can grow by included.
    case arenaLow
    /// An observed linker has given a variable another place, where it begins with its first value.
    case variableMoved
  }

  public var kind: Kind
  /// The symbol or object that it is about.
  public var subject: String
}
