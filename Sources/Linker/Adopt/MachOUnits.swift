import Journal
import ObjectFile

/// Which compilation unit the local symbols of a Mach-O image belong to: neither the image's symbol table nor objects
/// name units, so that a unit is known by the name of its object file.
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

  /// Nothing tells of units: all local symbols are of one, without a name.
  var isEmpty: Bool { byAddress.isEmpty && byName.isEmpty }

  /// - Parameter objects: those that the image was linked from, with their paths; or none.
  init(_ table: MachOSymbolTable, objects: [(path: String, file: MachOFile)]) throws(ObjectFileError) {
    var counts: [String: UInt32] = [:]
    func unit(_ path: String) -> Unit {
      let name = Self.name(ofObjectAt: path)
      defer { counts[name, default: 0] += 1 }
      return Unit(name: name, ordinal: counts[name, default: 0])
    }
    var current: Unit?
    for symbol in table where symbol.isDebugging {
      switch symbol.debugType {
      case Self.objectFile: current = unit(try table.name(of: symbol))
      // A function or a static variable: its name is that of the symbol (stab.h, N_FUN, N_STSYM).
      case Self.function, Self.staticVariable:
        if let current, symbol.value != 0 { byAddress[symbol.value] = current }
      default: break
      }
    }
    guard byAddress.isEmpty else { return }
    for (path, file) in objects {
      guard let symbols = try file.symbolTable() else { continue }
      let known = unit(path)
      for symbol in symbols where symbol.isDefined && !symbol.isExternal && !symbol.isPrivateExternal {
        byName[try symbols.name(of: symbol), default: []].append(known)
      }
    }
  }

  // N_OSO, N_FUN, N_STSYM (mach-o/stab.h)
  private static let objectFile: UInt8 = 0x66
  private static let function: UInt8 = 0x24
  private static let staticVariable: UInt8 = 0x26

  /// - Parameter ordinal: which of the image's local symbols of that name it is. Linkers write them object by object.
  func unit(of name: String, at address: UInt64, ordinal: Int) -> Unit? {
    if let known = byAddress[address] { return known }
    guard let candidates = byName[name], candidates.indices.contains(ordinal) else { return nil }
    return candidates[ordinal]
  }
}
