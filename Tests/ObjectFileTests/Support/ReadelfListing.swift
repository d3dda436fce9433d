import Addressing
import ObjectFile

/// An ELF file's tables in the words of `readelf -W`, to be compared with what it prints line by line.
enum ReadelfListing {
  static func sections(_ file: ELFFile) -> [String] {
    file.sections.map { section in
      let columns = [
        "\(section.index)", file.name(of: section), typeName(section.type), hex(section.address.rawValue, 16),
        hex(section.fileOffset.rawValue, 6), hex(section.byteCount, 6), hex(section.entrySize, 2),
        flagLetters(section.flags, file), "\(section.link)", "\(section.info)", "\(section.alignment)",
      ]
      return columns.joined(separator: " ").collapsed
    }
  }

  static func symbols(_ table: ELFSymbolTable, of file: ELFFile) throws -> [String] {
    let versions = table.section?.type == .dynamicSymbols ? try file.versions() : nil
    return try table.map { symbol in
      let size = symbol.byteCount <= 99999 ? "\(symbol.byteCount)" : "0x" + hex(symbol.byteCount)
      let columns = [
        "\(symbol.index):", hex(symbol.value, 16), size, name(symbol.kind, file), name(symbol.binding, file),
        "\(symbol.visibility)".uppercased(), name(symbol.place),
        try self.name(of: symbol, table, versions, file),
      ]
      return columns.joined(separator: " ").collapsed
    }
  }

  static func relocations(_ relocations: ELFRelocations) -> [String] {
    relocations.map { relocation in
      let info = UInt64(relocation.symbolIndex) << 32 | UInt64(relocation.type)
      return "\(hex(relocation.offset, 16)) \(hex(info, 16)) \(relocation.addend)"
    }
  }

  static func segments(_ file: ELFFile) -> [String] {
    file.segments.map { segment in
      let flags = [(PageProtection.read, "R"), (.write, "W"), (.execute, "E")].map {
        segment.protection.contains($0.0) ? $0.1 : ""
      }
      return [
        typeName(segment.type), "0x" + hex(segment.fileOffset.rawValue, 6), "0x" + hex(segment.address.rawValue, 16),
        "0x" + hex(segment.fileByteCount, 6), "0x" + hex(segment.memoryByteCount, 6), flags.joined(),
        segment.alignment == 0 ? "0" : "0x" + hex(segment.alignment),
      ].joined(separator: " ")
    }
  }

  private static func name(
    of symbol: ELFSymbol, _ table: ELFSymbolTable, _ versions: ELFSymbolVersions?, _ file: ELFFile
  ) throws -> String {
    if symbol.kind == .section, symbol.nameOffset == 0, case .section(let index) = symbol.place {
      return file.name(of: file.sections[index])
    }
    let name = try table.name(of: symbol)
    guard let version = versions?.version(of: symbol.index) else { return name }
    guard version.library == nil else {
      return "\(name)@\(version.name) (\(versions?.rawIndex(of: symbol.index) ?? 0))"
    }
    // The symbol that stands for a version is printed without it.
    if symbol.place == .absolute, name == version.name { return name }
    return name + (version.isHidden ? "@" : "@@") + version.name
  }

  /// readelf knows IFUNC, UNIQUE and SHF_GNU_RETAIN only under ELFOSABI_GNU, which some linkers do not set.
  private static func isGNU(_ file: ELFFile) -> Bool { file.header.osABI == 3 }

  private static func name(_ kind: ELFSymbolKind, _ file: ELFFile) -> String {
    switch kind {
    case .none: "NOTYPE"
    case .object: "OBJECT"
    case .function: "FUNC"
    case .section: "SECTION"
    case .file: "FILE"
    case .common: "COMMON"
    case .threadLocal: "TLS"
    case .indirectFunction: isGNU(file) ? "IFUNC" : "<OS specific>: 10"
    case .other(let raw): "<OS specific>: \(raw)"
    }
  }

  private static func name(_ binding: ELFSymbolBinding, _ file: ELFFile) -> String {
    switch binding {
    case .local: "LOCAL"
    case .global: "GLOBAL"
    case .weak: "WEAK"
    case .unique: isGNU(file) ? "UNIQUE" : "<OS specific>: 10"
    case .other(let raw): "<OS specific>: \(raw)"
    }
  }

  private static func name(_ place: ELFSymbolPlace) -> String {
    switch place {
    case .undefined: "UND"
    case .absolute: "ABS"
    case .common: "COM"
    case .section(let index): "\(index)"
    case .reserved(let raw): "RSV[0x\(hex(raw, 4))]"
    }
  }

  private static func typeName(_ type: ELFSectionType) -> String {
    let names: [ELFSectionType: String] = [
      .null: "NULL", .progBits: "PROGBITS", .symbolTable: "SYMTAB", .stringTable: "STRTAB",
      .relocationsWithAddends: "RELA", .hash: "HASH", .dynamic: "DYNAMIC", .note: "NOTE", .noBits: "NOBITS",
      .relocations: "REL", .dynamicSymbols: "DYNSYM", .initArray: "INIT_ARRAY", .finiArray: "FINI_ARRAY",
      .preinitArray: "PREINIT_ARRAY", .group: "GROUP", .extendedSectionIndexes: "SYMTAB SECTION INDICES",
      .relativeRelocations: "RELR", .gnuHash: "GNU_HASH", .versionDefinitions: "VERDEF", .versionNeeds: "VERNEED",
      .symbolVersions: "VERSYM", .x86_64Unwind: "X86_64_UNWIND",
    ]
    return names[type] ?? "LOOS+0x" + hex(type.rawValue &- 0x6000_0000)
  }

  private static func typeName(_ type: ELFSegmentType) -> String {
    let names: [ELFSegmentType: String] = [
      .null: "NULL", .load: "LOAD", .dynamic: "DYNAMIC", .interpreter: "INTERP", .note: "NOTE",
      .programHeaders: "PHDR", .threadLocal: "TLS", .unwindTable: "GNU_EH_FRAME", .stack: "GNU_STACK",
      .readOnlyAfterRelocation: "GNU_RELRO", .property: "GNU_PROPERTY",
    ]
    return names[type] ?? "LOOS+0x" + hex(type.rawValue &- 0x6000_0000)
  }

  private static func flagLetters(_ flags: ELFSectionFlags, _ file: ELFFile) -> String {
    let letters: [(ELFSectionFlags, String)] = [
      (.write, "W"), (.allocated, "A"), (.executable, "X"), (.mergeable, "M"), (.strings, "S"), (.infoLink, "I"),
      (.linkOrder, "L"), (.group, "G"), (.threadLocal, "T"), (.compressed, "C"), (.retained, isGNU(file) ? "R" : "o"),
      (.large, "l"),
      (.excluded, "E"),
    ]
    return letters.map { flags.contains($0.0) ? $0.1 : "" }.joined()
  }
}

/// What `readelf -W` printed, brought into the form of `ReadelfListing`.
enum ReadelfOutput {
  static func sections(_ path: String) throws -> [String] {
    try Tool.run("readelf", ["-SW", path]).lines.filter { $0.hasPrefix("  [") && !$0.hasPrefix("  [Nr]") }.map { line in
      let row = line.drop { $0 == " " || $0 == "[" }
      return (row.prefix { $0 != "]" } + " " + row.drop { $0 != "]" }.dropFirst()).collapsed
    }
  }

  /// - Parameter option: `-s` for both tables, `--dyn-syms` for the dynamic one.
  static func symbols(_ path: String, table name: String) throws -> [String] {
    var isInTable = false
    return try Tool.run("readelf", ["-sW", path]).lines.compactMap { line in
      if line.hasPrefix("Symbol table '") { isInTable = line.hasPrefix("Symbol table '\(name)'") }
      let text = line.collapsed
      guard isInTable, let first = text.split(separator: " ").first, first.hasSuffix(":"), Int(first.dropLast()) != nil
      else { return nil }
      return text
    }
  }

  /// The relocations of each section that has some, in the file's order.
  static func relocations(_ path: String) throws -> [(section: String, records: [String])] {
    var result: [(section: String, records: [String])] = []
    for line in try Tool.run("readelf", ["-rW", path]).lines {
      if line.hasPrefix("Relocation section '") {
        result.append((String(line.split(separator: "'")[1]), []))
      } else if let record = relocation(line), !result.isEmpty {
        result[result.count - 1].records.append(record)
      }
    }
    return result
  }

  /// `offset info addend`, or for a relative relocation the offset alone.
  private static func relocation(_ line: Substring) -> String? {
    let words = line.split(separator: " ")
    guard let offset = words.first, offset.count == 16, UInt64(offset, radix: 16) != nil else { return nil }
    guard words.count > 2 else { return String(offset) }
    let magnitude = UInt64(words[words.count - 1], radix: 16) ?? 0
    let isNegative = words[words.count - 2] == "-"
    let addend = Int64(bitPattern: isNegative ? 0 &- magnitude : magnitude)
    return "\(offset) \(words[1]) \(addend)"
  }

  static func segments(_ path: String) throws -> [String] {
    try Tool.run("readelf", ["-lW", path]).lines.compactMap { line in
      let words = line.split(separator: " ").map(String.init)
      guard line.hasPrefix("  "), words.count >= 7, words[1].hasPrefix("0x"), words[2].hasPrefix("0x") else {
        return nil
      }
      let flags = words[6..<words.count - 1].joined()
      return [words[0], words[1], words[2], words[4], words[5], flags, words[words.count - 1]].joined(separator: " ")
    }
  }
}
