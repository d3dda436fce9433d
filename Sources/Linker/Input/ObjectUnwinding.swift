import Addressing
import ObjectFile

/// One function's unwind information as an object file has it.
struct ObjectUnwinding {
  /// A place in one of the object's sections.
  struct Place: Hashable {
    let section: Int
    let offset: UInt64
  }

  enum Form {
    /// An FDE of `.eh_frame`, with its CIE.
    case frame(UnwindCommonInformation, instructions: [UInt8])
    /// Of `__compact_unwind`: the machine's bits, without the number of the personality routine. 0 says nothing.
    case compact(UInt32)
    /// Of a Mach-O object, an FDE alone, for which the image has no room.
    case frameOnly
  }

  let function: Place
  let byteCount: UInt64
  let form: Form
  /// The routine that reads the exception table, by name.
  let personality: String?
  /// The function's exception table (LSDA).
  let exceptionTable: Place?

  /// Everything that an object says of its functions; nothing of what was taken out of it.
  static func all(in file: ELFFile, _ symbols: ObjectSymbols) throws -> [ObjectUnwinding] {
    var result: [ObjectUnwinding] = []
    let relocations = try file.relocationSections().reduce(into: [:]) { $0[$1.0] = $1.1 }
    for section in file.sections where section.flags.contains(.allocated) && file.name(of: section) == ".eh_frame" {
      guard section.byteCount > 0, let records = relocations[section.index] else { continue }
      var fields: [UInt64: ELFRelocation] = [:]
      for relocation in try file.relocations(of: records) { fields[relocation.offset] = relocation }
      let reader = UnwindReader(
        file: file, symbols: symbols, bytes: try file.contents(of: section).allBytes, relocations: fields)
      result += try reader.read()
    }
    return result
  }
}

/// What belongs to a function of a piece; offsets are from the start of the piece.
struct PieceUnwinding {
  let start: UInt64
  let information: ObjectUnwinding
  /// The piece that its exception table is.
  let exceptionTable: Int?
}

/// Reads one `.eh_frame` of an object file.
private struct UnwindReader {
  let file: ELFFile
  let symbols: ObjectSymbols
  let bytes: [UInt8]
  /// By the offset of the field.
  let relocations: [UInt64: ELFRelocation]

  func read() throws -> [ObjectUnwinding] {
    let sequence = UnwindRecordSequence(bytes)
    guard sequence.isWhole else { throw malformed("a record whose length or CIE lies outside of it", sequence.end) }
    var commons: [Int: (information: UnwindCommonInformation, personality: String?)] = [:]
    for record in sequence.records where record.commonInformation == nil {
      let start = record.range.lowerBound
      guard let information = UnwindCommonInformation(Array(bytes[record.range])) else {
        throw malformed("a CIE of a kind that is not known here", start)
      }
      commons[start] = (information, try personality(information, in: record.range))
    }
    var result: [ObjectUnwinding] = []
    for record in sequence.records {
      guard let place = record.commonInformation else { continue }
      guard let common = commons[place],
        let description = UnwindDescription(Array(bytes[record.range]), common.information)
      else { throw malformed("an FDE without a CIE, or of a kind that is not known here", record.range.lowerBound) }
      guard let function = try self.place(record.range.lowerBound + UnwindDescription.addressOffset),
        description.byteCount > 0
      else { continue }
      try refuseRelocations(in: record.range.lowerBound + description.instructionOffset..<record.range.upperBound)
      result.append(
        ObjectUnwinding(
          function: function, byteCount: description.byteCount,
          form: .frame(common.information, instructions: description.instructions), personality: common.personality,
          exceptionTable: try description.exceptionTableOffset.flatMap { offset in
            try self.place(record.range.lowerBound + offset)
          }))
    }
    return result
  }

  /// Where a field leads that counts from its own place: symbol and addend, for the place is taken off by nobody else.
  private func place(_ field: Int) throws -> ObjectUnwinding.Place? {
    guard let relocation = relocations[UInt64(field)] else { return nil }
    let symbol = try symbols.symbol(relocation.symbolIndex)
    guard case .section(let section) = symbol.place else { return nil }
    return ObjectUnwinding.Place(section: section, offset: symbol.value &+ UInt64(bitPattern: relocation.addend))
  }

  /// `DW.ref.NAME` is a word of the object with the routine's address: where a compiler goes by that, any cell serves.
  private func personality(_ common: UnwindCommonInformation, in record: Range<Int>) throws -> String? {
    guard let field = common.personality else { return nil }
    guard let relocation = relocations[UInt64(record.lowerBound + field.offset)],
      case let name = try symbols.symbol(relocation.symbolIndex).name, !name.isEmpty
    else { throw malformed("a personality routine without a name", record.lowerBound) }
    return name.hasPrefix("DW.ref.") ? String(name.dropFirst(7)) : name
  }

  /// DW_CFA_set_loc and advances that the linker would have to fill in: no assembler for x86-64 leaves any.
  private func refuseRelocations(in instructions: Range<Int>) throws {
    guard instructions.contains(where: { relocations[UInt64($0)] != nil }) else { return }
    throw malformed("instructions with relocations", instructions.lowerBound)
  }

  private func malformed(_ detail: String, _ offset: Int) -> ObjectFileError {
    ObjectFileError(
      .malformedTable, file: file.view.fileName, offset: FileOffset(UInt64(clamping: offset)), section: ".eh_frame",
      detail: detail)
  }
}
