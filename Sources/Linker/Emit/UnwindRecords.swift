import Addressing
import ObjectFile

/// A function that was placed, and what its object says for unwinders.
struct PlacedFunction {
  let information: ObjectUnwinding
  /// The function's first byte.
  let start: VirtualAddress
  /// A cell with the address of the personality routine; nil where the object names none.
  let personality: VirtualAddress?
  let exceptionTable: VirtualAddress?

  /// Nil where the object has no FDE for it.
  var elf: ELFUnwindFunction? { UnwindRecords.function(self) }

  /// Nil where the object says nothing compact of it.
  var machO: MachOUnwindFunction? {
    let encoding: UInt32
    switch information.form {
    case .frame: return nil
    case .frameOnly: encoding = 0
    case .compact(let known): encoding = known
    }
    // Without its routine nobody reads the table.
    guard encoding != 0 else {
      return MachOUnwindFunction(start: start, encoding: 0, personality: nil, exceptionTable: nil)
    }
    return MachOUnwindFunction(
      start: start, encoding: encoding, personality: personality, exceptionTable: exceptionTable)
  }
}

/// Builds the records of functions that were placed, in the one form that the prepared image's tables have: pointers are
/// 4-byte distances, that of the personality routine leads to a cell.
private enum UnwindRecords {
  static func function(_ function: PlacedFunction) -> ELFUnwindFunction? {
    guard case .frame(let common, let instructions) = function.information.form else { return nil }
    return ELFUnwindFunction(
      start: function.start, commonInformation: Self.common(common, function.personality),
      description: description(function, common, instructions))
  }

  private static func common(_ information: UnwindCommonInformation, _ personality: VirtualAddress?) -> ELFUnwindRecord
  {
    var letters = Array("z".utf8)
    var data: [UInt8] = []
    var fields: [ELFUnwindRecord.Field] = []
    if personality != nil {
      letters += Array("P".utf8)
      data += [UnwindPointerEncoding.indirectRelative32.rawValue, 0, 0, 0, 0]
    }
    if information.hasExceptionTables {
      letters += Array("L".utf8)
      data.append(UnwindPointerEncoding.relative32.rawValue)
    }
    letters += Array("R".utf8)
    data.append(UnwindPointerEncoding.relative32.rawValue)
    letters += information.plainAugmentation
    // Version 1: the return address's register is a byte.
    var bytes: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 1] + letters + [0]
    bytes += unsigned(information.codeAlignment) + signed(information.dataAlignment)
    bytes.append(UInt8(truncatingIfNeeded: information.returnAddressRegister))
    bytes += unsigned(UInt64(data.count))
    if let personality {
      fields.append(ELFUnwindRecord.Field(offset: bytes.count + 1, byteCount: 4, target: personality))
    }
    return record(bytes + data + information.instructions, fields)
  }

  private static func description(
    _ function: PlacedFunction, _ common: UnwindCommonInformation, _ instructions: [UInt8]
  ) -> ELFUnwindRecord {
    var fields = [ELFUnwindRecord.Field(offset: UnwindDescription.addressOffset, byteCount: 4, target: function.start)]
    var bytes = [UInt8](repeating: 0, count: 12)
    bytes += (0..<4).map { UInt8(truncatingIfNeeded: function.information.byteCount >> (8 * UInt64($0))) }
    if common.hasExceptionTables {
      bytes.append(4)
      // 0 for a function without a table.
      if let exceptionTable = function.exceptionTable {
        fields.append(ELFUnwindRecord.Field(offset: bytes.count, byteCount: 4, target: exceptionTable))
      }
      bytes += [0, 0, 0, 0]
    } else {
      bytes.append(0)
    }
    return record(bytes + instructions, fields)
  }

  /// With its length, filled up by DW_CFA_nop as compilers do.
  private static func record(_ content: [UInt8], _ fields: [ELFUnwindRecord.Field]) -> ELFUnwindRecord {
    var bytes = content
    while !bytes.count.isMultiple(of: 8) { bytes.append(0) }
    let length = UInt32(clamping: bytes.count - 4)
    for index in 0..<4 { bytes[index] = UInt8(truncatingIfNeeded: length >> (8 * UInt32(index))) }
    return ELFUnwindRecord(bytes: bytes, fields: fields)
  }

  // MARK: LEB128 (DWARF 5, 7.6)

  private static func unsigned(_ value: UInt64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    repeat {
      bytes.append(UInt8(rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
      rest >>= 7
    } while rest > 0
    return bytes
  }

  private static func signed(_ value: Int64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while true {
      let byte = UInt8(truncatingIfNeeded: rest & 0x7f)
      rest >>= 7
      if (rest == 0 && byte & 0x40 == 0) || (rest == -1 && byte & 0x40 != 0) { return bytes + [byte] }
      bytes.append(byte | 0x80)
    }
  }
}

extension UnwindCommonInformation {
  fileprivate var hasExceptionTables: Bool { exceptionTableEncoding.map { $0 != .omitted } ?? false }
}
