import Addressing
import Journal

/// A body as text, with names for what it refers to.
struct CodeListing {
  let lines: [CodeLine]

  init(_ placed: PlacedAtom, at digest: Digest, in store: JournalStore) throws(LinkError) {
    let body = placed.placement.body
    let bytes = try fromJournal { () throws(JournalError) in try store.bytes(body, at: digest) }
    let disassembler = Disassembler(store.base.architecture)
    let texts = try disassembler.listing(bytes, at: body.start)
    let code = try disassembler.decode(bytes, at: body.start)
    var names = AddressNames(store: store, digest: digest)
    var pages = PageAddresses()
    var lines: [CodeLine] = []
    for (text, instruction) in zip(texts, code.instructions) {
      var line = CodeLine(offset: UInt64(instruction.offset), text: text.text, key: text.text)
      if let target = instruction.flow.target, body.contains(target) {
        line.innerTarget = target.rawValue - body.start.rawValue
        let place = "+0x" + String(target.rawValue - body.start.rawValue, radix: 16)
        line.text = Self.replaced(text.text, target, by: place)
        line.key = Self.replaced(text.text, target, by: "+")
      } else if let target = Self.target(of: instruction) ?? pages.target(of: text.text) {
        let name = try names.name(of: target)
        line.text = Self.replaced(text.text, target, by: name)
        line.key = Self.replaced(text.text, target, by: name)
      }
      if pages.isPage(text.text) { line.key = String(text.text.prefix { $0 != "," }) }
      lines.append(line)
    }
    self.lines = lines
  }

  private static func target(of instruction: Instruction) -> VirtualAddress? {
    instruction.flow.target ?? instruction.references.first { $0.kind == .memory }?.target
  }

  /// A branch's operand is the address itself (`call 0x1149`, `bl #0x1149`); an operand in memory counts from the next
  /// instruction (`[rip + 0xec3]`). What is written in neither way is told behind the line.
  private static func replaced(_ text: String, _ target: VirtualAddress, by name: String) -> String {
    for written in ["#\(target)", "\(target)"] where text.hasSuffix(" " + written) || text.hasSuffix(", " + written) {
      return text.dropLast(written.count) + name
    }
    if let start = text.range(of: "rip "), let end = text[start.upperBound...].firstIndex(of: "]") {
      return text[..<start.lowerBound] + name + text[end...]
    }
    return text + "  ; " + name
  }
}

/// arm64 tells an address in two instructions: the page (`adrp x0, #0x11000`), then the rest (`add x0, x0, #0x40`,
/// `ldr x1, [x0, #0x40]`).
private struct PageAddresses {
  private var pages: [Substring: UInt64] = [:]

  func isPage(_ text: String) -> Bool { text.hasPrefix("adrp ") }

  mutating func target(of text: String) -> VirtualAddress? {
    let words = text.split(whereSeparator: { " ,[]!".contains($0) })
    guard words.count > 1 else { return nil }
    if isPage(text) {
      pages[words[1]] = words.last.flatMap(Self.number)
      return nil
    }
    guard words[0] == "add" || words[0].hasPrefix("ldr") || words[0].hasPrefix("str"), words.count > 2,
      let page = pages[words[2]]
    else { return nil }
    let rest = words.count > 3 ? words.last.flatMap(Self.number) : 0
    if words[0] != "str" { pages[words[1]] = nil }
    return rest.flatMap { VirtualAddress(page).advanced(by: $0) }
  }

  private static func number(_ word: Substring) -> UInt64? {
    guard word.hasPrefix("#") else { return nil }
    let digits = word.dropFirst()
    return digits.hasPrefix("0x") ? UInt64(digits.dropFirst(2), radix: 16) : UInt64(digits)
  }
}

/// Names for addresses at an update: of atoms, of strings by what they say, of imports by the slot or the stub.
private struct AddressNames {
  let store: JournalStore
  let digest: Digest
  private var known: [VirtualAddress: String] = [:]

  init(store: JournalStore, digest: Digest) {
    self.store = store
    self.digest = digest
  }

  mutating func name(of address: VirtualAddress) throws(LinkError) -> String {
    if let name = known[address] { return name }
    let name = try fromJournal { () throws(JournalError) in try look(at: address) }
    known[address] = name
    return name
  }

  private func look(at address: VirtualAddress) throws(JournalError) -> String {
    if let bound = try store.baseImport(slot: address) { return bound.symbol.name + "@got" }
    if let history = try store.history(of: address, at: digest) {
      let placed = history.placed
      if placed.identity.name.isEmpty || placed.kind == .constant, let text = string(at: address, in: placed) {
        return text
      }
      if !placed.identity.name.isEmpty {
        return placed.identity.plainName + (history.offset == 0 ? "" : "+0x" + String(history.offset, radix: 16))
      }
    }
    if let text = string(at: address) { return text }
    if let name = importStub(at: address) { return name }
    return address.description
  }

  /// A call stub of the base image: its first jump through memory names the slot (psABI, Procedure Linkage Table).
  private func importStub(at address: VirtualAddress) -> String? {
    guard let range = AddressRange(validating: address, byteCount: 16),
      store.base.segments.contains(where: { $0.range.contains(range) && $0.protection.contains(.execute) }),
      let bytes = try? store.bytes(range, at: digest),
      let code = try? Disassembler(store.base.architecture).decode(bytes, at: address)
    else { return nil }
    for instruction in code.instructions {
      guard case .jump(nil) = instruction.flow else { continue }
      guard let slot = instruction.references.first(where: { $0.kind == .memory })?.target else { return nil }
      return (try? store.baseImport(slot: slot)).flatMap { $0 }.map { $0.symbol.name + "@plt" }
    }
    return nil
  }

  private func string(at address: VirtualAddress, in placed: PlacedAtom) -> String? {
    string(at: address, atMost: placed.placement.body.end.rawValue &- address.rawValue)
  }

  /// In read-only data that no symbol names.
  private func string(at address: VirtualAddress) -> String? {
    guard let segment = store.base.segments.first(where: { $0.range.contains(address) }), segment.protection == .read
    else { return nil }
    return string(at: address, atMost: segment.range.end.rawValue - address.rawValue)
  }

  private func string(at address: VirtualAddress, atMost limit: UInt64) -> String? {
    guard let range = AddressRange(validating: address, byteCount: min(limit, 48)),
      let bytes = try? store.bytes(range, at: digest)
    else { return nil }
    let text = bytes.prefix { $0 != 0 }
    guard text.count >= 2, text.allSatisfy({ (0x20..<0x7f).contains($0) || $0 == 0x0a || $0 == 0x09 }) else {
      return nil
    }
    let shown = String(decoding: text, as: UTF8.self).replacing("\n", with: "\\n").replacing("\t", with: "\\t")
    return text.count < bytes.count ? "\"\(shown)\"" : "\"\(shown)…\""
  }
}

extension AtomIdentity {
  fileprivate var plainName: String { (enclosingFunction.map { $0 + "." } ?? "") + name }
}
