import Addressing
public import ObjectFile

/// Reads everything a Mach-O file offers, in every way the module has, and throws away what it says.
///
/// Whatever the bytes are, it ends in time that grows with them and without a trap. Every part is tried even after
/// another one has failed.
public struct MachOWalk {
  /// Errors met, so that a caller can look at what kinds there were.
  public private(set) var errors: [ObjectFileError] = []
  private var sum: UInt64 = 0

  public init() {}

  public mutating func walk(_ bytes: [UInt8]) {
    let mapped = MappedFile(bytes: bytes, name: "walked")
    guard !MachOLibraryStub.isStub(mapped) else { return walk(stub: mapped) }
    attempt { walk throws(ObjectFileError) in
      let file = try MachOFile(MappedFile(bytes: bytes, name: "walked"))
      walk.sections(file)
      walk.symbols(file)
      walk.addresses(file)
      walk.commands(file)
      walk.code(file)
      walk.unwinding(file)
      walk.debugInformation(file)
      walk.prepare(file)
    }
  }

  private mutating func walk(stub file: MappedFile) {
    for machine in [MachOMachine.arm64, .x86_64] {
      attempt { walk throws(ObjectFileError) in
        for stub in try MachOLibraryStub.all(in: file, for: machine) {
          walk.sum &+= UInt64(stub.reexports.count) &+ (stub.export(named: "_getpid") == nil ? 0 : 1)
        }
      }
    }
  }

  private mutating func debugInformation(_ file: MachOFile) {
    attempt { walk throws(ObjectFileError) in
      walk.sum &+= UInt64(try DWARFFacts(file)?.types.count ?? 0)
    }
    attempt { walk throws(ObjectFileError) in
      var lines = try DWARFLines(file)
      walk.sum &+= UInt64(try lines?.changes(inSection: 0, from: 0, byteCount: 4096).count ?? 0)
    }
  }

  /// What is prepared without an error is read without one, and what was added to it can be taken back.
  private mutating func prepare(_ file: MachOFile) {
    let request = MachOArenaRequest(
      codeByteCount: 1, constantByteCount: 1, cellByteCount: 1, flagByteCount: 1, dataByteCount: 1, rebaseRoom: 16,
      importRoom: 2, nameRoom: 16, unwindRoom: 4, exceptionTableRoom: 2)
    attempt { walk throws(ObjectFileError) in
      let image = try MachOPreparedImage(preparing: file, request: request).signed { _ in Array(repeating: 0, count: 32)
      }
      let bytes = image.bytes(at: FileOffset(0), count: Int(clamping: image.byteCount))
      let prepared = try MachOFile(MappedFile(bytes: bytes, name: "prepared"))
      let layout = try MachOArenaLayout(of: prepared)
      precondition(layout == image.layout, "a layout must be read as it was made")
      try Self.addUnwinding(image, prepared)
      let tables = try MachOLoaderTables(prepared)
      let before = try tables.pointers()
      let cell = image.layout.cells.range.start
      for pointer in [MachOPointer.address(cell), .symbol(MachOBindTarget(library: .thisImage, symbol: "x"))] {
        walk.attempt { walk throws(ObjectFileError) in
          let changed = try Self.edited(prepared, tables.edits(setting: [cell: pointer]))
          let found = try MachOLoaderTables(changed).pointers()[cell]
          precondition(found == pointer, "a pointer must be read as it was set")
          let emptied = try Self.edited(changed, MachOLoaderTables(changed).edits(setting: [cell: nil]))
          let left = try MachOLoaderTables(emptied).pointers()
          precondition(left == before, "a pointer must be taken away without a trace")
        }
      }
    }
  }

  /// What is added to an unwind table is read from it, and what was there before as well.
  private static func addUnwinding(
    _ image: MachOPreparedImage, _ prepared: MachOFile
  ) throws(ObjectFileError) {
    guard let room = image.unwindRoom else { return }
    precondition(MachOUnwindRoom(encoded: room.encoded) == room, "a room must be read as it was made")
    var table = MachOUnwindTable(room, functionCount: 0, exceptionTableCount: 0, fileName: "prepared") {
      try prepared.view.bytes(at: Int(clamping: $0.rawValue), count: $1)
    }
    let function = MachOUnwindFunction(
      start: room.code.start, encoding: 7, personality: nil, exceptionTable: nil)
    let changed = try edited(prepared, table.add([function]))
    let before = try prepared.unwindInfo()?.functions
    let after = try changed.unwindInfo()?.functions
    precondition(
      after?.dropLast() == before?[...] && after?.last?.encoding == 7, "an entry must be read as it was added")
  }

  private static func edited(_ file: MachOFile, _ edits: [FileEdit]) throws(ObjectFileError) -> MachOFile {
    var bytes = file.view.allBytes
    for edit in edits {
      let start = Int(edit.offset.rawValue)
      bytes.replaceSubrange(start..<start + edit.after.count, with: edit.after)
    }
    return try MachOFile(MappedFile(bytes: bytes, name: "edited"))
  }

  private mutating func attempt(_ body: (inout MachOWalk) throws(ObjectFileError) -> Void) {
    do {
      try body(&self)
    } catch {
      // Making texts of many errors would be most of the work.
      if errors.count < 2 { take(error.description.utf8.count) }
      errors.append(error)
    }
  }

  private mutating func take(_ value: some BinaryInteger) { sum &+= UInt64(truncatingIfNeeded: value) }

  /// The ends suffice: a window that leaves the file faults there.
  private mutating func take(_ view: ByteView) {
    sum &+= view.withUnsafeBytes { UInt64($0.first ?? 0) &+ UInt64($0.last ?? 0) }
  }

  private mutating func sections(_ file: MachOFile) {
    for section in file.sections {
      take(section.fullName.utf8.count)
      take(section.range.end.rawValue)
      attempt { walk throws(ObjectFileError) in walk.take(try file.contents(of: section)) }
      attempt { walk throws(ObjectFileError) in
        for relocation in try file.relocations(of: section) {
          walk.take(relocation.offset &+ UInt64(bitPattern: relocation.addend) &+ UInt64(relocation.byteCount))
          if case .section(let ordinal) = relocation.target { walk.take(file.sections[ordinal - 1].index) }
        }
      }
      attempt { walk throws(ObjectFileError) in
        for symbol in try file.indirectSymbols(of: section) { walk.take(symbol.range.end.rawValue) }
      }
    }
    take(file.section(named: "__text", in: "__TEXT")?.index ?? 0)
  }

  private mutating func symbols(_ file: MachOFile) {
    attempt { walk throws(ObjectFileError) in
      guard let table = try file.symbolTable() else { return }
      for symbol in table {
        walk.take(symbol.value &+ UInt64(symbol.description))
        walk.take(try table.nameBytes(of: symbol))
        walk.take(try table.otherName(of: symbol)?.utf8.count ?? 0)
        if let ordinal = symbol.sectionOrdinal { walk.take(file.sections[ordinal - 1].index) }
      }
    }
    attempt { walk throws(ObjectFileError) in
      let dynamic = try file.dynamicSymbols()
      walk.take(dynamic?.locals.count ?? 0)
    }
    attempt { walk throws(ObjectFileError) in
      let atoms = try file.atoms()
      for atom in atoms {
        walk.take(atom.range.end.rawValue &+ UInt64(atom.names.count &+ atom.alternates.count))
        let found = atoms.atom(containing: atom.range.start, in: file.sections[atom.sectionIndex])
        walk.take(found?.range.byteCount ?? 0)
      }
      for symbol in try file.symbolTable().map(Array.init) ?? [] {
        walk.take(atoms.range(of: symbol, in: file)?.byteCount ?? 0)
      }
    }
  }

  private mutating func addresses(_ file: MachOFile) {
    for segment in file.segments.prefix(100) {
      take(segment.range.end.rawValue)
      take(file.fileOffset(of: segment.address)?.rawValue ?? 0)
      take(file.virtualAddress(of: segment.fileOffset)?.rawValue ?? 0)
      attempt { walk throws(ObjectFileError) in
        walk.take(try file.bytes(at: segment.address, count: segment.memoryByteCount))
      }
    }
    take(file.headerAddress?.rawValue ?? 0)
  }

  private mutating func commands(_ file: MachOFile) {
    take(file.uuid?.count ?? 0)
    attempt { walk throws(ObjectFileError) in walk.take(try file.buildVersion()?.tools.count ?? 0) }
    attempt { walk throws(ObjectFileError) in walk.take(try file.libraries().count) }
    attempt { walk throws(ObjectFileError) in walk.take(try file.libraryIdentity()?.name.utf8.count ?? 0) }
    attempt { walk throws(ObjectFileError) in walk.take(try file.dynamicLinker()?.utf8.count ?? 0) }
    attempt { walk throws(ObjectFileError) in walk.take(try file.runPaths().count) }
    attempt { walk throws(ObjectFileError) in walk.take(try file.entry()?.rawValue ?? 0) }
    attempt { walk throws(ObjectFileError) in walk.take(try file.exportTrie()?.exports.count ?? 0) }
    attempt { walk throws(ObjectFileError) in
      guard let info = try file.loaderInfo() else { return }
      for view in [info.rebases, info.binds, info.weakBinds, info.lazyBinds, info.exports] { walk.take(view) }
    }
    for kind in [MachOLoadCommandKind.codeSignature, .chainedFixups, .exportsTrie, .linkerOptimizationHints] {
      attempt { walk throws(ObjectFileError) in
        guard let data = try file.linkEditData(kind) else { return }
        walk.take(data)
      }
    }
  }

  private mutating func unwinding(_ file: MachOFile) {
    attempt { walk throws(ObjectFileError) in
      for entry in try file.compactUnwind() {
        walk.take(entry.function.offset &+ UInt64(entry.byteCount) &+ UInt64(entry.encoding))
        walk.take(entry.personality ?? 0)
      }
    }
    attempt { walk throws(ObjectFileError) in
      for function in try file.unwindInfo()?.functions ?? [] { walk.take(function.start ^ function.encoding) }
    }
  }

  private mutating func code(_ file: MachOFile) {
    attempt { walk throws(ObjectFileError) in
      for start in try file.functionStarts() ?? [] { walk.take(start.rawValue) }
    }
    attempt { walk throws(ObjectFileError) in
      for data in try file.dataInCode() { walk.take(data.range.end.rawValue) }
    }
  }
}
