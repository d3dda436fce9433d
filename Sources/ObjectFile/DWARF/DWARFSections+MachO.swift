import Addressing

/// The debug information of a Mach-O object: one section of each kind, in the segment `__DWARF`. Linked images have none: it
/// stays in the objects.
extension DWARFSections {
  /// Nil where the file has no debug information.
  init?(_ file: MachOFile) throws(ObjectFileError) {
    var found: [(kind: Kind, section: MachOSection)] = []
    for section in file.sections where section.segmentName == "__DWARF" {
      guard let kind = Kind.allCases.first(where: { $0.machOName == section.name }) else { continue }
      guard !found.contains(where: { $0.kind == kind }) else {
        throw file.failure(.duplicateTable, in: section, detail: "another section of that name")
      }
      found.append((kind, section))
    }
    guard found.contains(where: { $0.kind == .info && $0.section.byteCount > 0 }) else { return nil }
    try self.init(file.view, isRelocatable: file.header.type == .object)
    let resolver = isRelocatable ? try MachOFieldResolver(file) : nil
    for (kind, section) in found {
      let contents = try file.contents(of: section)
      guard let resolver, section.relocationCount > 0 else {
        set(contents, kind)
        continue
      }
      var bytes = contents.allBytes
      var locations: [Int: DWARFLocation] = [:]
      for relocation in try file.relocations(of: section) {
        // The field lies within the section: that was checked when it was read.
        let (position, width) = (Int(relocation.offset), relocation.byteCount)
        let (value, location) = try resolver.resolve(relocation, in: section)
        for index in 0..<width { bytes[position + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))) }
        if let location { locations[position] = location }
      }
      set(bytes, kind, locations)
    }
    if found.contains(where: { $0.kind == .info }) { setTypesStart(views[Kind.info.rawValue].count) }
  }
}

extension DWARFSections.Kind {
  /// As far as the 16 bytes of a section's name reach (LLVM, llvm/lib/MC/MCObjectFileInfo.cpp, initMachOMCObjectFileInfo).
  fileprivate var machOName: String { String(("__" + sectionName.dropFirst()).prefix(16)) }
}

/// Turns a relocation into the value that its field gets, and what it refers to.
private struct MachOFieldResolver {
  private let file: MachOFile
  private let symbols: MachOSymbolTable?

  init(_ file: MachOFile) throws(ObjectFileError) {
    self.file = file
    symbols = try file.symbolTable()
  }

  func resolve(
    _ relocation: MachORelocation, in section: MachOSection
  ) throws(ObjectFileError) -> (UInt64, DWARFLocation?) {
    guard relocation.kind == .absolute, !relocation.isPCRelative else {
      throw file.failure(.unsupportedRelocation, in: section, detail: "\(relocation.kind) in debug information")
    }
    let addend = UInt64(bitPattern: relocation.addend)
    if let subtrahend = relocation.subtrahend {
      return (try address(relocation.target) &+ addend &- (try address(.symbol(subtrahend))), nil)
    }
    switch relocation.target {
    case .section(let ordinal): return within(try file.section(ordinal: ordinal), addend)
    case .symbol(let index):
      let symbol = try symbol(index)
      guard let ordinal = symbol.sectionOrdinal else {
        if symbol.place == .absolute {
          let value = symbol.value &+ addend
          return (value, .address(VirtualAddress(value)))
        }
        return (addend, .symbol(index: index, offset: addend))
      }
      let referred = try file.section(ordinal: ordinal)
      return within(referred, symbol.value &- referred.address.rawValue &+ addend)
    }
  }

  private func within(_ section: MachOSection, _ offset: UInt64) -> (UInt64, DWARFLocation?) {
    section.segmentName == "__DWARF" ? (offset, nil) : (offset, .section(index: section.index, offset: offset))
  }

  private func address(_ target: MachORelocationTarget) throws(ObjectFileError) -> UInt64 {
    switch target {
    case .section(let ordinal): try file.section(ordinal: ordinal).address.rawValue
    case .symbol(let index): try symbol(index).value
    }
  }

  private func symbol(_ index: Int) throws(ObjectFileError) -> MachOSymbol {
    guard let symbols, index < symbols.count else {
      throw file.failure(.badSymbolIndex, detail: "symbol \(index) of debug information")
    }
    return symbols[index]
  }
}
