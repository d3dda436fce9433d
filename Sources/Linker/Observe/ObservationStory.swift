import Addressing
public import Journal

/// What an observed update did, in the words of whoever wrote such a linker: which function went where, which cell or call
/// leads to it now, and which callers were left alone.
public struct ObservationStory {
  /// One line for each atom that an update has changed; nil for an update that was linked.
  public static func lines(of update: Update, in store: JournalStore) throws(LinkError) -> [String]? {
    update.content.observation == nil ? nil : try ObservationStory(of: update, in: store).lines()
  }

  private let update: Update
  private let image: ObservedImage
  private let former: (AddressRange) throws -> [UInt8]
  private let prefix: String
  private let changed: Set<String>

  private init(of update: Update, in store: JournalStore) throws(LinkError) {
    self.update = update
    image = try ImageReading.image(of: store, at: update.digest)
    let parent = update.parent
    former = { try store.bytes($0, at: parent) }
    changed = Set(update.content.atoms.map(\.atom.name))
    // Zig names a function of its root file by the file first.
    let file = store.base.originalPath.split(separator: "/").last.map(String.init) ?? ""
    prefix = file + "."
  }

  private func lines() throws(LinkError) -> [String] {
    let atoms = update.content.atoms
    let renamed = renamings()
    let callers = try Callers(image)
    var lines = renamed.map { "\(title($0.from)) is now \(title($0.to))" }
    for atom in atoms where !renamed.contains(where: { $0.to == atom.atom.name || $0.from == atom.atom.name }) {
      lines.append(line(atom, callers))
    }
    if atoms.isEmpty { lines.append("no atom changed; a process passes it over") }
    return lines
  }

  private func title(_ name: String) -> String { name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name }

  private func line(_ atom: AtomChange, _ callers: Callers) -> String {
    let name = title(atom.atom.name)
    switch (atom.change, atom.before?.body, atom.after?.body) {
    case (.moved, let before?, let after?):
      return (["\(name) \(before.start) -> \(after.start)"] + ways(atom, before, after) + untouched(atom, callers))
        .joined(separator: ", ")
    case (.added, _, let after?):
      return (["\(name) added at \(after.start)"] + ways(atom, nil, after)).joined(separator: ", ")
    case (.removed, let before?, _): return "\(name) removed from \(before.start)"
    case (_, _, let after?):
      return (["\(name) rewritten at \(after.start)"] + untouched(atom, callers)).joined(separator: ", ")
    default: return name
    }
  }

  /// How calls come to the atom at its new place.
  private func ways(_ atom: AtomChange, _ before: AddressRange?, _ after: AddressRange) -> [String] {
    var parts: [String] = []
    for operation in update.content.operations {
      switch operation {
      case .pointer(let pointer) where pointer.after == after.start:
        parts.append("GOT cell \(pointer.cell) \(pointer.before == nil ? "filled" : "rewritten")")
      case .write(let write):
        guard case .virtual(let place) = write.place else { continue }
        if let before, place == before.start, write.after.first == 0xe9, write.after.count == 5 {
          parts.append("jump left at \(place)")
        } else if write.fixups.contains(where: { $0.target == after.start }),
          let caller = image.symbol(containing: place)
        {
          parts.append("call in \(title(caller.name)) patched at \(place)")
        }
      default: continue
      }
    }
    return parts
  }

  private func untouched(_ atom: AtomChange, _ callers: Callers) -> [String] {
    guard atom.atomKind == .function, let after = atom.after else { return [] }
    let doors = [after.cell, after.entry, after.body.start].compactMap { $0 }
    let names = Set(doors.flatMap { callers.of($0) }).subtracting(changed).filter { name in
      !update.content.operations.contains { patches($0, name, after.body.start) }
    }
    return names.sorted().map { "\(title($0)) untouched" }
  }

  private func patches(_ operation: Operation, _ function: String, _ target: VirtualAddress) -> Bool {
    guard case .write(let write) = operation, case .virtual(let place) = write.place,
      write.fixups.contains(where: { $0.target == target })
    else { return false }
    return image.symbol(containing: place)?.name == function
  }

  /// A function that went and one that came with the same code.
  private func renamings() -> [(from: String, to: String)] {
    let functions = update.content.atoms.filter { $0.atomKind == .function }
    var gone = functions.filter { $0.change == .removed }
    return functions.filter { $0.change == .added }.compactMap { added in
      guard let after = added.after?.body,
        let index = gone.firstIndex(where: { isSame($0.before?.body, after) })
      else { return nil }
      return (gone.remove(at: index).atom.name, added.atom.name)
    }
  }

  private func isSame(_ before: AddressRange?, _ after: AddressRange) -> Bool {
    guard let before, before.byteCount == after.byteCount, let bytes = try? former(before) else { return false }
    return bytes == image.bytes(after)
  }
}

/// Which functions refer to an address, by their code.
private struct Callers {
  private var names: [VirtualAddress: Set<String>] = [:]

  init(_ image: ObservedImage) throws(LinkError) {
    let disassembler = Disassembler(image.architecture)
    for symbol in image.symbols where symbol.kind == .function {
      let bytes = image.bytes(symbol.range)
      let targets =
        image.architecture == .arm64
        ? Self.targetsOfPairs(bytes, at: symbol.range.start)
        : try disassembler.decode(bytes, at: symbol.range.start).references.filter { $0.kind != .immediate }
          .map(\.target)
      for target in targets where !symbol.range.contains(target) { names[target, default: []].insert(symbol.name) }
    }
  }

  func of(_ target: VirtualAddress) -> Set<String> { names[target] ?? [] }

  /// `adrp x, page` followed by `ldr y, [x, offset]` (Arm A-profile A64: ADRP; LDR (immediate), unsigned offset, 64-bit), and
  /// `bl`.
  private static func targetsOfPairs(_ bytes: [UInt8], at start: VirtualAddress) -> [VirtualAddress] {
    let words = stride(from: 0, to: bytes.count - 3, by: 4).map { at in
      bytes[at..<at + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    var targets: [VirtualAddress] = []
    for (index, word) in words.enumerated() {
      let place = start.displaced(by: Int64(index * 4))
      if word & 0xfc00_0000 == 0x9400_0000 {
        targets.append(place.displaced(by: Int64(Int32(bitPattern: word << 6) >> 6) * 4))
      }
      guard word & 0x9f00_0000 == 0x9000_0000, index + 1 < words.count, words[index + 1] & 0xffc0_0000 == 0xf940_0000
      else { continue }
      let pages = Int64(Int32(bitPattern: (word >> 5 & 0x7_ffff) << 13) >> 11) | Int64(word >> 29 & 3)
      let offset = Int64(words[index + 1] >> 10 & 0xfff) * 8
      targets.append(place.alignedDown(to: 4096).displaced(by: pages * 4096 + offset))
    }
    return targets
  }
}
