import ObjectFile

/// A Mach-O file in the form of Tests/Fixtures/macho/lief-listing.py, and of tools of LLVM.
enum MachOListing {
  static func fields(_ file: MachOFile) throws -> [String] {
    try head(file) + file.segments.map(segment) + file.sections.map(section) + symbols(file) + facts(file)
      + tables(file)
  }

  private static func head(_ file: MachOFile) -> [String] {
    let header = file.header
    return [
      "header \(hex(header.machine.rawValue)) \(hex(header.type.rawValue)) \(hex(header.flags.rawValue)) "
        + "\(header.commandCount) \(header.commandByteCount)"
    ]
      + file.loadCommands.map {
        "command \(hex($0.kind.rawValue)) \(hex($0.fileOffset.rawValue)) \(hex($0.view.count))"
      }
  }

  private static func segment(_ segment: MachOSegment) -> String {
    let numbers = [
      hex(segment.address.rawValue), hex(segment.memoryByteCount), hex(segment.fileOffset.rawValue),
      hex(segment.fileByteCount), hex(segment.maximumProtection.rawValue), hex(segment.protection.rawValue),
      hex(segment.flags.rawValue), "\(segment.sectionIndexes.count)",
    ]
    return "segment \(segment.name) " + numbers.joined(separator: " ")
  }

  private static func section(_ section: MachOSection) -> String {
    let numbers = [
      hex(section.address.rawValue), hex(section.byteCount), hex(section.fileOffset.rawValue),
      "\(section.alignment.trailingZeroBitCount)", hex(section.relocationOffset.rawValue),
      "\(section.relocationCount)",
      hex(section.type.rawValue), hex(section.attributes.rawValue), hex(section.indirectSymbolIndex),
      hex(section.stubByteCount),
    ]
    return "section \(section.fullName) " + numbers.joined(separator: " ")
  }

  private static func symbols(_ file: MachOFile) throws -> [String] {
    guard let table = try file.symbolTable() else { return [] }
    return try table.map { symbol in
      let section = symbol.sectionOrdinal ?? 0
      return "symbol \(try table.name(of: symbol)) \(hex(symbol.value)) \(hex(rawType(symbol))) \(section) "
        + hex(symbol.description)
    }
  }

  /// `n_type`, from what is said of it.
  private static func rawType(_ symbol: MachOSymbol) -> UInt8 {
    if let debug = symbol.debugType { return debug }
    let place: UInt8 =
      switch symbol.place {
      case .undefined, .common, .none: 0
      case .absolute: 2
      case .indirect: 0xA
      case .section: 0xE
      }
    return place | (symbol.isExternal ? 1 : 0) | (symbol.isPrivateExternal ? 0x10 : 0)
  }

  private static func facts(_ file: MachOFile) throws -> [String] {
    var lines: [String] = []
    if let uuid = file.uuid { lines.append("uuid " + uuid.map { hex($0, 2) }.joined()) }
    if let build = try file.buildVersion() {
      let words = ["\(build.minimumSystem)", "\(build.sdk)"] + build.tools.map { "\($0.kind):\($0.version)" }
      let isOld = file.loadCommands.first(.buildVersion) == nil
      lines.append((isOld ? "minimum " : "build \(build.platform) ") + words.joined(separator: " "))
    }
    if let identity = try file.libraryIdentity() { lines.append("identity \(library(identity))") }
    lines += try file.libraries().map { "library \(library($0))" }
    if let linker = try file.dynamicLinker() { lines.append("linker \(linker)") }
    lines += try file.runPaths().map { "rpath \($0)" }
    if file.loadCommands.first(.main) != nil, let entry = try file.entry() {
      lines.append("entry \(hex(entry.rawValue))")
    }
    return lines
  }

  private static func library(_ library: MachOLibrary) -> String {
    "\(library.name) \(library.currentVersion) \(library.compatibilityVersion)"
  }

  private static func tables(_ file: MachOFile) throws -> [String] {
    var lines: [String] = []
    let first = file.headerAddress?.rawValue ?? 0
    lines += try (file.functionStarts() ?? []).map { "function \(hex($0.rawValue - first))" }
    lines += try file.dataInCode().map {
      "data \(hex($0.range.start.rawValue - first)) \($0.range.byteCount) \($0.kind.rawValue)"
    }
    if let dynamic = try file.dynamicSymbols() {
      lines.append(
        "dynamic \(dynamic.locals.count) \(dynamic.definedExternals.lowerBound) \(dynamic.definedExternals.count) "
          + "\(dynamic.undefined.lowerBound) \(dynamic.undefined.count) \(dynamic.indirectSymbols.count / 4)")
    }
    let places: [(String, MachOLoadCommandKind)] = [
      ("signature", .codeSignature), ("chains", .chainedFixups), ("trie", .exportsTrie),
    ]
    for (name, kind) in places {
      guard let data = try file.linkEditData(kind) else { continue }
      lines.append("\(name) \(hex(data.fileOffset.rawValue)) \(hex(data.count))")
    }
    if let info = try file.loaderInfo() {
      let views = [info.rebases, info.binds, info.weakBinds, info.lazyBinds, info.exports]
      lines.append("info " + views.map { hex($0.count) }.joined(separator: " "))
    }
    return lines
  }
}

// MARK: Tools of LLVM

extension MachOListing {
  /// As `llvm-nm -m -p` prints them.
  static func names(_ file: MachOFile) throws -> [String] {
    guard let table = try file.symbolTable() else { return [] }
    let libraries = try file.libraries()
    return try table.filter { !$0.isDebugging }.map { symbol in
      let isUndefined = symbol.place == .undefined
      let value = isUndefined ? "" : hex(symbol.value, 16) + " "
      let place: String =
        switch symbol.place {
        case .undefined: "(undefined)"
        case .common(let alignment): "(common) (alignment 2^\(alignment.trailingZeroBitCount))"
        case .absolute: "(absolute)"
        case .section(let ordinal): "(\(file.sections[ordinal - 1].fullName))"
        case .indirect, .none: "(indirect)"
        }
      var words = [place]
      if symbol.isExternal {
        if symbol.isReferencedDynamically { words.append("[referenced dynamically]") }
        if symbol.isWeakDefinition || symbol.isWeakReference { words.append("weak") }
        words.append(symbol.isPrivateExternal ? "private external" : "external")
        if symbol.isAutomaticallyHidden { words.append("automatically hidden") }
      } else {
        words.append(symbol.isPrivateExternal ? "non-external (was a private external)" : "non-external")
      }
      if file.header.type == .object {
        if symbol.isNeverStripped { words.append("[no dead strip]") }
        if symbol.isAlternateEntry { words.append("[alt entry]") }
        if symbol.isCold { words.append("[cold func]") }
      }
      words.append(try table.name(of: symbol))
      if isUndefined, file.isImage { words.append(source(symbol, libraries)) }
      return value + words.joined(separator: " ")
    }
  }

  private static func source(_ symbol: MachOSymbol, _ libraries: [MachOLibrary]) -> String {
    switch symbol.library {
    case .library(let ordinal) where ordinal <= libraries.count:
      let file = libraries[ordinal - 1].name.split(separator: "/").last ?? ""
      return "(from \(file.prefix { $0 != "." }))"
    case .library(let ordinal): return "(from bad library ordinal \(ordinal))"
    case .anyImage: return "(dynamically looked up)"
    case .mainExecutable: return "(from executable)"
    case .thisImage: return "(from this-image)"
    }
  }

  /// As `llvm-objdump --macho --reloc` prints the records of a section: those that were brought together are taken
  /// apart again.
  static func relocations(_ file: MachOFile, _ section: MachOSection) throws -> [String] {
    guard let table = try file.symbolTable() else { return [] }
    return try file.relocations(of: section).flatMap { relocation -> [String] in
      let length = [1: "byte", 4: "long", 8: file.header.machine == .arm64 ? "?( 3)" : "quad"][relocation.byteCount]
      func line(_ type: String, _ target: String, relative: Bool, external: Bool) -> String {
        [
          hex(relocation.offset, 8), relative ? "True" : "False", length ?? "?", external ? "True" : "False", type,
          "False", target,
        ].joined(separator: " ").collapsed
      }
      var lines: [String] = []
      if let subtrahend = relocation.subtrahend {
        let name = try table.name(of: table[subtrahend])
        lines.append(line("SUB", name, relative: false, external: true))
      }
      let isInstruction = ![.absolute, .armPointerToGOT].contains(relocation.kind) && file.header.machine == .arm64
      if isInstruction, relocation.addend != 0 {
        lines.append(
          line("ADDEND", "addend = 0x" + hex(relocation.addend, 6), relative: false, external: false))
      }
      let target: String
      var isExternal = true
      switch relocation.target {
      case .symbol(let index): target = try table.name(of: table[index])
      case .section(let ordinal):
        target = "\(ordinal) (\(file.sections[ordinal - 1].fullName))"
        isExternal = false
      }
      return lines + [line(name(relocation), target, relative: relocation.isPCRelative, external: isExternal)]
    }
  }

  private static func name(_ relocation: MachORelocation) -> String {
    switch relocation.kind {
    case .absolute: "UNSIGND"
    case .x86Signed:
      relocation.distanceToNextInstruction == 4 ? "SIGNED" : "SIGNED\(relocation.distanceToNextInstruction - 4)"
    case .x86Branch: "BRANCH"
    case .x86GOTLoad: "GOT_LD"
    case .x86GOT: "GOT"
    case .x86TLV: "TLV"
    case .armBranch26: "BR26"
    case .armPage21: "PAGE21"
    case .armPageOffset12: "PAGOF12"
    case .armGOTLoadPage21: "GOTLDP"
    case .armGOTLoadPageOffset12: "GOTLDPOF"
    case .armPointerToGOT: "PTRTGOT"
    case .armTLVLoadPage21: "TLVLDP"
    case .armTLVLoadPageOffset12: "TLVLDPOF"
    }
  }

  /// As `llvm-objdump --macho --indirect-symbols` prints them, without their numbers.
  static func indirectSymbols(_ file: MachOFile) throws -> [String] {
    guard let table = try file.symbolTable() else { return [] }
    return try file.sections.flatMap { section in
      try file.indirectSymbols(of: section).map { entry in
        let name = try entry.symbolIndex.map { "\($0) \(try table.name(of: table[$0]))" }
        return "0x\(hex(entry.range.start.rawValue, 16)) \(name ?? (entry.isAbsolute ? "ABSOLUTE" : "LOCAL"))"
      }
    }
  }
}
