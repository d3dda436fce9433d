import Addressing
public import ObjectFile

/// Reads everything that debug information offers, and throws away what it says.
///
/// The bytes are an ELF file or, so that a fuzzer need not learn ELF first, debug sections alone: for each a byte that
/// names it, two bytes of its length, and its contents. Whatever they are, it ends in time that grows with them and
/// without a trap.
public struct DWARFFactsWalk {
  /// Errors met, so that a caller can look at what kinds there were.
  public private(set) var errors: [ObjectFileError] = []
  public private(set) var factCount = 0
  private var sum = 0

  public init() {}

  public static let sectionNames = [
    ".debug_info", ".debug_abbrev", ".debug_str", ".debug_line_str", ".debug_str_offsets", ".debug_addr", ".debug_line",
    ".debug_ranges", ".debug_rnglists", ".debug_types",
  ]

  public mutating func walk(_ bytes: [UInt8]) {
    let file = bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) ? bytes : Self.image(of: bytes)
    attempt { walk throws(ObjectFileError) in
      let file = try ELFFile(MappedFile(bytes: file, name: "walked"))
      walk.sum += try DWARFFacts.presence(in: file) == .present ? 1 : 0
      walk.attempt { walk throws(ObjectFileError) in try walk.facts(file) }
      walk.attempt { walk throws(ObjectFileError) in try walk.lines(file) }
    }
  }

  private mutating func attempt(_ body: (inout DWARFFactsWalk) throws(ObjectFileError) -> Void) {
    do {
      try body(&self)
    } catch {
      errors.append(error)
      sum &+= error.description.utf8.count
    }
  }

  private mutating func facts(_ file: ELFFile) throws(ObjectFileError) {
    guard let facts = try DWARFFacts(file) else { return }
    factCount += facts.units.count + facts.types.count + facts.functions.count + facts.variables.count
    var last = ""
    for type in facts.types {
      sum &+= DWARFTypeLayout.difference(between: last, and: type.layout).utf8.count
      sum &+= DWARFTypeLayout.onlyAddsEnumerators(from: last, to: type.layout) ? 1 : 0
      sum &+= facts.type(named: type.name, in: type.units.first ?? 0)?.references.count ?? 0
      last = type.layout
    }
    for function in facts.functions { sum &+= function.prototype.utf8.count &+ function.declarationLine }
    for variable in facts.variables { sum &+= variable.type.utf8.count &+ variable.blockOrder }
  }

  private mutating func lines(_ file: ELFFile) throws(ObjectFileError) {
    guard var lines = try DWARFLines(file) else { return }
    for address in stride(from: UInt64(0), to: 0x2000, by: 0x180) {
      sum &+= try lines.line(at: VirtualAddress(address))?.line ?? 0
      sum &+= try lines.line(inSection: 1, at: address)?.line ?? 0
    }
  }
}

extension DWARFFactsWalk {
  /// The sections of a container, as a shared library has them.
  private static func image(of container: [UInt8]) -> [UInt8] {
    var names: [UInt8] = [0]
    var contents: [UInt8] = []
    var headers = header(name: 0, type: 0, offset: 0, count: 0)
    var count = 1
    var rest = container[...]
    while rest.count >= 3 {
      let (kind, length) = (
        Int(rest[rest.startIndex]), Int(rest[rest.startIndex + 1]) | Int(rest[rest.startIndex + 2]) << 8
      )
      let section = rest.dropFirst(3).prefix(length)
      rest = rest.dropFirst(3 + section.count)
      headers += header(name: names.count, type: 1, offset: 64 + contents.count, count: section.count)
      names += Array(sectionNames[kind % sectionNames.count].utf8) + [0]
      contents += section
      count += 1
    }
    headers += header(name: 0, type: 3, offset: 64 + contents.count, count: names.count)
    let start: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    var file = start + bytes(3, 2) + bytes(62, 2) + bytes(1, 4) + bytes(0, 8) + bytes(0, 8)
    file += bytes(64 + contents.count + names.count, 8) + bytes(0, 4) + bytes(64, 2) + bytes(56, 2) + bytes(0, 2)
    file += bytes(64, 2) + bytes(count + 1, 2) + bytes(count, 2)
    return file + contents + names + headers
  }

  private static func header(name: Int, type: Int, offset: Int, count: Int) -> [UInt8] {
    bytes(name, 4) + bytes(type, 4) + bytes(0, 16) + bytes(offset, 8) + bytes(count, 8) + bytes(0, 8) + bytes(1, 8)
      + bytes(0, 8)
  }

  private static func bytes(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> (8 * $0)) : 0 }
  }
}
