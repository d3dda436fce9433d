import Journal
import ObjectFile

/// Which compilation unit the symbols of a Mach-O image belong to: neither the image's symbol table nor objects name
/// units, so that a unit is known by the name of its object file.
///
/// That is in the debug map of an image linked from objects with debug information; else the objects given to `init` tell
/// it.
struct MachOUnits {
  /// The last part of the path of an object; of a member of an archive (`lib.a(x.o)`) the member's name.
  static func name(ofObjectAt path: String) -> String {
    let last = path.split(separator: "/").last.map(String.init) ?? path
    guard last.hasSuffix(")"), let open = last.lastIndex(of: "(") else { return last }
    return String(last[last.index(after: open)...].dropLast())
  }

  struct Unit: Hashable {
    var name: String
    var ordinal: UInt32
  }

  /// By a symbol's address, from the debug map.
  private var byAddress: [UInt64: Unit] = [:]
  /// By a local symbol's name, from objects, in the order given.
  private var byName: [String: [Unit]] = [:]
  /// By the name of a symbol that other objects see, who defines it.
  private var definers: [String: Set<Unit>] = [:]
  /// How many units of each name there are.
  private var counts: [String: UInt32] = [:]

  /// Nothing tells of units: all local symbols are of one, without a name.
  var isEmpty: Bool { byAddress.isEmpty && byName.isEmpty }

  /// - Parameter objects: those that the image was linked from, with their paths; or none.
  init(_ table: MachOSymbolTable, objects: [(path: String, file: MachOFile)]) throws(ObjectFileError) {
    try readDebugMap(table)
    guard byAddress.isEmpty else { return }
    for (path, file) in objects {
      if let symbols = try file.symbolTable() { try read(symbols, of: addUnit(path)) }
    }
  }

  private mutating func addUnit(_ path: String) -> Unit {
    let name = Self.name(ofObjectAt: path)
    defer { counts[name, default: 0] += 1 }
    return Unit(name: name, ordinal: counts[name, default: 0])
  }

  private mutating func readDebugMap(_ table: MachOSymbolTable) throws(ObjectFileError) {
    var current: Unit?
    for symbol in table where symbol.isDebugging {
      let type = symbol.debugType
      if type == Self.objectFile { current = addUnit(try table.name(of: symbol)) }
      guard let current else { continue }
      // A function or a static variable: its name is that of the symbol (stab.h, N_FUN, N_STSYM).
      if [Self.function, Self.staticVariable].contains(type), symbol.value != 0 { byAddress[symbol.value] = current }
      if [Self.function, Self.globalVariable].contains(type) {
        definers[try table.name(of: symbol), default: []].insert(current)
      }
    }
  }

  private mutating func read(_ symbols: MachOSymbolTable, of unit: Unit) throws(ObjectFileError) {
    for symbol in symbols where symbol.isDefined && !symbol.isPrivateExternal {
      let name = try symbols.name(of: symbol)
      if symbol.isExternal { definers[name, default: []].insert(unit) } else { byName[name, default: []].append(unit) }
    }
  }

  // N_OSO, N_FUN, N_STSYM, N_GSYM (mach-o/stab.h)
  private static let objectFile: UInt8 = 0x66
  private static let function: UInt8 = 0x24
  private static let staticVariable: UInt8 = 0x26
  private static let globalVariable: UInt8 = 0x20

  /// - Parameter ordinal: which of the image's local symbols of that name it is. Linkers write them object by object.
  func unit(of name: String, at address: UInt64, ordinal: Int) -> Unit? {
    if let known = byAddress[address] { return known }
    guard let candidates = byName[name], candidates.indices.contains(ordinal) else { return nil }
    return candidates[ordinal]
  }

  /// Of a symbol that other objects see; nil where several units define it, or have that unit's name.
  func unit(ofGlobal name: String) -> Unit? {
    guard let units = definers[name], units.count == 1, let unit = units.first, counts[unit.name] == 1
    else { return nil }
    return unit
  }
}
