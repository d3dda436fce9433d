public import Addressing

/// One invertible step of an update.
///
/// Every case carries what was there and what is, so that the inverse always exists. Addresses are virtual addresses;
/// a task adds its slide. Within an update the order is: map, protect, write, initial, pointer, bind, resize; the
/// applier decides the order in which a target sees them.
public enum Operation: Hashable, Sendable {
  case write(WriteOperation)
  case resize(ResizeOperation)
  case pointer(PointerOperation)
  case bind(BindOperation)
  case map(MapOperation)
  case protect(ProtectOperation)
}

/// What a task must know before it writes data that the program may have changed since.
///
/// An operation that carries one is the design's *initial*: a file gets it like any other; a task gets it only forward,
/// and only while the variable's room has not come into use there. It is never compared or restored in a task.
public enum InitialRoom: Hashable, Sendable {
  /// A variable that the base image has: its room has been in use since the process began.
  case existing
  /// A new variable. The byte at this address is 0 until the room comes into use in a task, and 1 for ever after.
  case new(flag: VirtualAddress)
  /// A variable of an observed image, which its linker has moved here from this address. What a program keeps of the old
  /// address nobody knows: a running task is refused, a fresh one begins with the value.
  case moved(from: VirtualAddress)
}

/// Bytes at a virtual address, or at a file offset where nothing is mapped.
public struct WriteOperation: Hashable, Sendable {
  public enum Place: Hashable, Sendable {
    case virtual(VirtualAddress)
    /// File-only: headers, symbol table, debug information, and tables that only the loader reads. Tasks pass it over.
    case file(FileOffset)
  }

  public var place: Place
  public var before: [UInt8]
  /// As long as `before`.
  public var after: [UInt8]
  /// The fields of `after` that follow from addresses, ascending and not overlapping; empty for a file place.
  public var fixups: [Fixup]
  /// Set for the first value of mutable data.
  public var initial: InitialRoom?
  /// The bytes before are not reachable by the program at the parent update, nor those after once it is rolled back
  /// (fresh arena room): a task may be found with either, and may keep `after` when it goes back.
  public var isFresh: Bool

  /// - Precondition: `before` and `after` are equally long.
  public init(
    place: Place, before: [UInt8], after: [UInt8], fixups: [Fixup] = [], initial: InitialRoom? = nil,
    isFresh: Bool = false
  ) {
    precondition(before.count == after.count, "a write replaces bytes one for one")
    self.place = place
    self.before = before
    self.after = after
    self.fixups = fixups
    self.initial = initial
    self.isFresh = isFresh
  }
}

/// The file grows (with zeroes) or shrinks; byte counts of the whole file. Tasks pass it over.
public struct ResizeOperation: Hashable, Sendable {
  public var before: UInt64
  public var after: UInt64

  public init(before: UInt64, after: UInt64) {
    self.before = before
    self.after = after
  }
}

/// A GOT cell or other absolute pointer of 8 bytes, aligned to 8.
///
/// In a file both the relocation record and the word change, each with its own before (linkers differ in what stands
/// under a relative relocation). In a task the word becomes target + slide by one aligned store.
public struct PointerOperation: Hashable, Sendable {
  /// The virtual address of the word.
  public var cell: VirtualAddress
  /// What the word points at; nil is null, which no slide is added to.
  public var before: VirtualAddress?
  public var after: VirtualAddress?
  /// The 8 bytes in the file.
  public var wordBefore: UInt64
  public var wordAfter: UInt64
  /// Edits of the loader's tables that go with it (its relocation record); file-only.
  public var records: [FileEdit]
  public var initial: InitialRoom?
  /// As for `WriteOperation.isFresh`.
  public var isFresh: Bool

  public init(
    cell: VirtualAddress, before: VirtualAddress?, after: VirtualAddress?, wordBefore: UInt64, wordAfter: UInt64,
    records: [FileEdit], initial: InitialRoom? = nil, isFresh: Bool = false
  ) {
    self.cell = cell
    self.before = before
    self.after = after
    self.wordBefore = wordBefore
    self.wordAfter = wordAfter
    self.records = records
    self.initial = initial
    self.isFresh = isFresh
  }
}

/// A symbol of another image, as the dynamic loader looks it up.
public struct ImportedSymbol: Hashable, Sendable {
  public var name: String
  /// The symbol version (`GLIBC_2.2.5`); nil where the library has none.
  public var version: String?
  /// The `DT_SONAME` of the library that defined it when the update was recorded.
  public var library: String?
  /// Added to the symbol's address; 0 for a function.
  public var addend: Int64

  public init(name: String, version: String?, library: String?, addend: Int64 = 0) {
    self.name = name
    self.version = version
    self.library = library
    self.addend = addend
  }
}

/// A cell that the dynamic loader fills from another image's symbol: in a file by a dynamic symbol and a relocation,
/// in a task with the address found there. What a loader filled is not compared.
public struct BindOperation: Hashable, Sendable {
  public var cell: VirtualAddress
  public var before: ImportedSymbol?
  public var after: ImportedSymbol?
  public var wordBefore: UInt64
  public var wordAfter: UInt64
  /// Edits of the loader's tables (dynamic symbol, strings, versions, its relocation record); file-only.
  public var records: [FileEdit]
  public var initial: InitialRoom?
  public var isFresh: Bool

  public init(
    cell: VirtualAddress, before: ImportedSymbol?, after: ImportedSymbol?, wordBefore: UInt64 = 0,
    wordAfter: UInt64 = 0, records: [FileEdit], initial: InitialRoom? = nil, isFresh: Bool = false
  ) {
    self.cell = cell
    self.before = before
    self.after = after
    self.wordBefore = wordBefore
    self.wordAfter = wordAfter
    self.records = records
    self.initial = initial
    self.isFresh = isFresh
  }
}

/// A range of the arena comes into use. A prepared image has it already; in a task of the unprepared image it is
/// mapped (anonymous, private, at its virtual address + slide) unless it is there. The inverse leaves it mapped.
public struct MapOperation: Hashable, Sendable {
  /// Whole pages.
  public var range: AddressRange
  public var protection: PageProtection
  public var isMappedBefore: Bool
  public var isMappedAfter: Bool

  public init(range: AddressRange, protection: PageProtection, isMappedBefore: Bool, isMappedAfter: Bool) {
    self.range = range
    self.protection = protection
    self.isMappedBefore = isMappedBefore
    self.isMappedAfter = isMappedAfter
  }
}

/// A page range that must be made writable for this update's writes: the protection that the image gives it, and the
/// one wanted while writing. What a task really had is what is restored there.
public struct ProtectOperation: Hashable, Sendable {
  /// Whole pages.
  public var range: AddressRange
  public var found: PageProtection
  public var wanted: PageProtection

  public init(range: AddressRange, found: PageProtection, wanted: PageProtection) {
    self.range = range
    self.found = found
    self.wanted = wanted
  }
}

extension Operation {
  /// The addresses that it writes; nil for what is in files only.
  public var writtenAddresses: AddressRange? {
    switch self {
    case .write(let write):
      guard case .virtual(let start) = write.place else { return nil }
      return AddressRange(validating: start, byteCount: UInt64(write.after.count))
    case .pointer(let pointer): return AddressRange(validating: pointer.cell, byteCount: 8)
    case .bind(let bind): return AddressRange(validating: bind.cell, byteCount: 8)
    case .resize, .map, .protect: return nil
    }
  }
}
