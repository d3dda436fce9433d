import Addressing
import Journal

/// What the linker must know of an architecture: what its relocations mean and what its stubs are made of.
///
/// Relocation types are the numbers of the architecture's psABI for ELF, with addends beside them, whatever the object's
/// format is: its reader translates.
protocol Machine: Sendable {
  var architecture: BaseImage.Architecture { get }

  // MARK: Relocations

  /// The psABI's name of a type, known or not.
  func name(ofRelocation type: UInt32) -> String

  /// The relocation fills an 8-byte word with an address, as a loader can.
  func isWord(_ type: UInt32) -> Bool

  /// The field holds a distance from its own place.
  func isPCRelative(_ type: UInt32) -> Bool

  /// What asks for the distance to a GOT cell where `type` asks for that to a word of data; nil for any other.
  func cellDistance(for type: UInt32) -> UInt32?

  /// What asks for the page of the table of cells where `type` asks for that of `_GLOBAL_OFFSET_TABLE_`; nil for any other.
  func offsetTablePage(for type: UInt32) -> UInt32?

  /// A direct call or jump to a function, which may go there by way of a veneer.
  func isCall(_ type: UInt32) -> Bool

  /// How far the place that a field's distance is counted from lies behind the field, in bytes: the end of the
  /// instruction on x86, which counts from there while its relocations count from the field.
  func fieldTails() -> any FieldTails

  func plan(_ relocations: [AtomRelocation], bytes: [UInt8], isCode: Bool) -> any RelocationPlan

  /// Whether an object's atom is what stands at a place of a linked image, and what its relocations lead to there. Nil
  /// when a byte differs that no relocation explains. Sequences that a linker may have rewritten are recognised.
  func match(
    object: [UInt8], relocations: [AtomRelocation], placed: [UInt8], at place: VirtualAddress, isCode: Bool
  ) -> PlacedMatch?

  // MARK: Stubs

  /// The bytes of an island, an import's call stub or a new function's entry in the arena.
  var slotByteCount: Int { get }

  /// No stub takes more bytes than this at a function's entry.
  var longestStubByteCount: Int { get }

  /// The stub for an entry, or nil where there is too little room for any.
  ///
  /// - Parameters:
  ///   - firstBytes: what stands at the entry.
  ///   - room: bytes that are the function's own, and padding after them (`padding(in:)`).
  ///   - islands: where islands are placed.
  func stub(
    for firstBytes: [UInt8], room: Int, at entry: VirtualAddress, islands: AddressRange
  ) -> (any EntryStub)?

  /// A slot of the arena that jumps through a cell.
  func slot(at place: VirtualAddress, cell: VirtualAddress) throws(LinkError) -> EncodedStub

  /// How many bytes from the start of `bytes` are padding that no code uses.
  func padding(in bytes: [UInt8]) -> Int

  /// What stops a thread that runs where no code is; for bytes that a shorter body leaves free.
  var trap: [UInt8] { get }

  /// The cell through which a linker's call stub (a PLT entry) or a slot jumps.
  func cell(ofCallStub code: [UInt8], at place: VirtualAddress) -> VirtualAddress?

  /// Whether a cell that is bound at the first call serves the arena's slots as well. `way` is the code that the cell
  /// leads to before it is bound.
  func servesSlots(lazilyBound way: [UInt8]) -> Bool

  // MARK: Branches

  /// How far a direct branch reaches either way, in bytes; nil where it reaches all of an image and its arena.
  var branchReach: Int64? { get }

  /// A piece of code that goes on to `target`, which branches near it cannot reach.
  func veneer(at place: VirtualAddress, to target: VirtualAddress) throws(LinkError) -> EncodedStub

  /// Where such a piece of code goes, one of a linker's included; nil for other code.
  func target(ofVeneer code: [UInt8], at place: VirtualAddress) -> VirtualAddress?
}

extension BaseImage {
  var machine: any Machine { architecture.machine }
}

extension BaseImage.Architecture {
  var machine: any Machine {
    switch self {
    case .x86_64: X86Machine()
    case .arm64: ARM64Machine()
    }
  }
}

/// Tells of an object's pieces how far behind a field the place lies that its distance is counted from.
protocol FieldTails {
  /// - Parameter offset: of the field, in bytes from the start of the piece.
  mutating func byteCount(from offset: Int, in piece: ObjectPiece) -> Int
}

/// What stands around each relocation of an atom.
protocol RelocationPlan {
  /// One for each relocation, in the order given.
  var needs: [FixupNeed] { get }

  /// A relocation without a value: those that belong to a sequence are done with the one that has it.
  func settle(_ relocation: AtomRelocation, into pass: inout RelocationPass)

  func write(
    _ index: Int, _ relocation: AtomRelocation, _ value: FixupValue, into pass: inout RelocationPass
  ) throws(LinkError)
}

/// The few instructions that take the place of a function's first bytes and jump to its current body.
protocol EntryStub: Sendable {
  var byteCount: Int { get }

  /// Whether the stub goes to an island (a slot of the arena) and not through the cell itself.
  var needsIsland: Bool { get }

  /// The stub's bytes at `entry`, jumping through the cell (or to the island) at `destination`.
  func encode(at entry: VirtualAddress, to destination: VirtualAddress) throws(LinkError) -> EncodedStub
}

/// A stub's bytes and the fields in them that follow from an address.
struct EncodedStub: Hashable, Sendable {
  var bytes: [UInt8]
  var fixups: [Fixup]

  /// - Parameter bytes: the fields' own bits are filled in.
  init(_ bytes: [UInt8], _ fixups: [Fixup], at place: VirtualAddress) {
    var bytes = bytes
    for fixup in fixups {
      let field = Int(fixup.offset)..<Int(fixup.offset) + fixup.byteCount
      bytes.put(fixup.fieldBytes(in: place, over: bytes[field]), at: field.lowerBound)
    }
    self.bytes = bytes
    self.fixups = fixups
  }
}
