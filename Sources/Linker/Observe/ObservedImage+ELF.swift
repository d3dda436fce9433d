import Addressing
import Journal
import ObjectFile

extension ObservedImage {
  /// An ELF executable as the self-hosted Zig compilers write it while they run.
  ///
  /// Their symbol tables hold records that are not in use, of whatever bytes stood there: a symbol counts only where
  /// all that it says is so. Seen with 0.10.1.
  init(elf file: ELFFile, pageByteCount: UInt64 = 4096) throws(LinkError) {
    guard file.header.type == .executable || file.header.type == .sharedObject, !file.segments.isEmpty else {
      throw LinkError(.notAnImage, object: file.name, detail: "it is no linked ELF program")
    }
    let architecture: BaseImage.Architecture
    switch file.header.machine {
    case .x86_64: architecture = .x86_64
    case .aarch64: architecture = .arm64
    default: throw LinkError(.notAnImage, object: file.name, detail: "it is for \(file.header.machine)")
    }
    self.init(
      name: file.name, format: .elf, architecture: architecture,
      isPositionIndependent: file.header.type == .sharedObject, entryPoint: file.header.entry,
      identity: file.buildID ?? [], file: file.view.allBytes, segments: [], symbols: [], cells: [], constants: [],
      rebased: nil, pageByteCount: pageByteCount)
    segments = file.segments.filter { $0.type == .load && $0.memoryByteCount > 0 }.map { segment in
      ObservedSegment(
        range: segment.range, fileOffset: segment.fileOffset,
        fileByteCount: min(segment.fileByteCount, segment.memoryByteCount), protection: segment.protection)
    }.sorted { $0.range.start < $1.range.start }
    readSections(file)
    do throws(ObjectFileError) {
      for section in file.sections where section.type == .symbolTable { try readSymbols(file, section) }
      if isPositionIndependent { rebased = try Self.rebasedWords(file) }
    } catch {
      throw LinkError(.objectFile, object: file.name, cause: error)
    }
    settleSymbols()
  }

  private mutating func readSections(_ file: ELFFile) {
    if let relocated = file.segments.first(of: .readOnlyAfterRelocation)?.range { constants.append(relocated) }
    for section in file.sections where section.flags.contains(.allocated) && section.byteCount > 0 {
      let name = file.name(of: section)
      if name == ".got" || name == ".got.plt" { cells.append(section.range) }
      if name.hasPrefix(".data.rel.ro") || name.hasPrefix(".rodata") || name.hasPrefix(".eh_frame") {
        constants.append(section.range)
      }
    }
  }

  // MARK: Symbols

  /// gABI, Symbol Table: name 4, info 1, other 1, section 2, value 8, size 8.
  private mutating func readSymbols(_ file: ELFFile, _ section: ELFSection) throws(ObjectFileError) {
    let table = try file.storedBytes(of: section)
    guard file.sections.indices.contains(Int(section.link)) else { return }
    let names = try file.storedBytes(of: file.sections[Int(section.link)])
    for at in stride(from: 0, to: table.count - 23, by: 24) {
      let info = try table.load(UInt8.self, at: at + 4)
      let index = Int(try table.load(UInt16.self, at: at + 6))
      let isCode: Bool? =
        switch info & 0xf {
        case 1: false
        case 2: true
        default: nil
        }
      guard let isCode, info >> 4 <= 2, index > 0, file.sections.indices.contains(index),
        let name = Self.name(names, Int(try table.load(UInt32.self, at: at))),
        let range = AddressRange(
          validating: VirtualAddress(try table.load(UInt64.self, at: at + 8)),
          byteCount: try table.load(UInt64.self, at: at + 16)),
        stands(range, in: file.sections[index])
      else {
        if !Self.isKnownKind(info) { hasDamagedSymbols = true }
        continue
      }
      addSymbol(name, range, isFunction: isCode, isGlobal: info >> 4 != 0)
    }
  }

  /// STT_NOTYPE to STT_TLS, STB_LOCAL to STB_WEAK (gABI, Symbol Table).
  private static func isKnownKind(_ info: UInt8) -> Bool { info & 0xf <= 6 && info >> 4 <= 2 }

  private static func name(_ names: ByteView, _ offset: Int) -> String? {
    guard offset > 0, let bytes = try? names.cStringBytes(at: offset).allBytes, !bytes.isEmpty,
      bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7f })
    else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  /// A section's size is written later than what it holds: the end of its last page is close enough.
  private func stands(_ range: AddressRange, in section: ELFSection) -> Bool {
    guard range.byteCount > 0, section.flags.contains(.allocated),
      let end = section.range.end.alignedUp(to: pageByteCount)
    else { return false }
    return section.range.start <= range.start && range.end <= end
  }

  // MARK: Pointers

  /// R_X86_64_RELATIVE and R_AARCH64_RELATIVE, and what DT_RELR lists.
  private static func rebasedWords(_ file: ELFFile) throws(ObjectFileError) -> [VirtualAddress: VirtualAddress] {
    var words: [VirtualAddress: VirtualAddress] = [:]
    guard let relocations = try file.dynamicRelocations() else { return words }
    let relative: UInt32 = file.header.machine == .x86_64 ? 8 : 1027
    for relocation in relocations.table where relocation.type == relative {
      words[VirtualAddress(relocation.offset)] = VirtualAddress(UInt64(bitPattern: relocation.addend))
    }
    for address in relocations.relative {
      words[address] = VirtualAddress(try file.bytes(at: address, count: 8).load(UInt64.self, at: 0))
    }
    return words
  }
}

extension ObservedImage {
  private static let trampolineSuffix = "$trampoline"

  /// Zig 0.14 and 0.15 name the jump at a function's old address `NAME$trampoline`.
  mutating func addSymbol(_ name: String, _ range: AddressRange, isFunction: Bool, isGlobal: Bool) {
    let isTrampoline = name.hasSuffix(Self.trampolineSuffix)
    symbols.append(
      ObservedSymbol(
        name: isTrampoline ? String(name.dropLast(Self.trampolineSuffix.count)) : name, range: range,
        kind: isTrampoline ? .trampoline : isFunction ? .function : .data, isGlobal: isGlobal))
  }

  /// Orders the symbols, and lets each segment reach to the end of those that begin in its pages.
  mutating func settleSymbols() {
    symbols = Set(symbols).sorted { ($0.range.start, $0.name) < ($1.range.start, $1.name) }
    for index in segments.indices {
      let segment = segments[index]
      let pages = segment.pages(of: pageByteCount)
      let next = index + 1 < segments.count ? segments[index + 1].range.start : VirtualAddress(.max)
      guard segment.fileByteCount == segment.range.byteCount else { continue }
      let ends = symbols.map(\.range).filter { pages.contains($0) && segment.range.start <= $0.start }.map(\.end)
      let end = min(max(ends.max() ?? segment.range.end, segment.range.end), next)
      let byteCount = end.rawValue - segment.range.start.rawValue
      segments[index].range = AddressRange(start: segment.range.start, byteCount: byteCount)
      segments[index].fileByteCount = byteCount
    }
    symbols.removeAll { symbol in !segments.contains { $0.range.contains(symbol.range) } }
  }
}
