import Addressing
import Journal

extension Operation {
  var json: JSONValue { .object([("kind", .string(word))] + members) }

  private var members: [(String, JSONValue?)] {
    switch self {
    case .write(let write): write.members
    case .resize(let resize): [("before", .count(resize.before)), ("after", .count(resize.after))]
    case .pointer(let pointer): pointer.members
    case .bind(let bind): bind.members
    case .map(let map):
      map.range.members + [
        ("protection", .string("\(map.protection)")), ("mappedBefore", .boolean(map.isMappedBefore)),
        ("mappedAfter", .boolean(map.isMappedAfter)),
      ]
    case .protect(let protect):
      protect.range.members + [("found", .string("\(protect.found)")), ("wanted", .string("\(protect.wanted)"))]
    }
  }
}

extension AddressRange {
  var members: [(String, JSONValue?)] {
    [("address", .string("\(start)")), ("byteCount", .count(byteCount))]
  }
}

extension WriteOperation {
  fileprivate var members: [(String, JSONValue?)] {
    let place: (String, JSONValue?) =
      switch self.place {
      case .virtual(let address): ("address", .string("\(address)"))
      case .file(let offset): ("fileOffset", .count(offset.rawValue))
      }
    return [
      place, ("byteCount", .count(after.count)), ("before", .string(before.hexadecimal)),
      ("after", .string(after.hexadecimal)), ("fixups", fixups.isEmpty ? nil : .array(fixups.map(\.json))),
      ("fresh", .boolean(isFresh)), ("initial", initial?.json),
    ]
  }
}

extension PointerOperation {
  fileprivate var members: [(String, JSONValue?)] {
    [
      ("address", .string("\(cell)")), ("before", before.map { .string("\($0)") }),
      ("after", after.map { .string("\($0)") }), ("wordBefore", .word(wordBefore)), ("wordAfter", .word(wordAfter)),
      ("records", records.isEmpty ? nil : .array(records.map(\.json))), ("fresh", .boolean(isFresh)),
      ("initial", initial?.json),
    ]
  }
}

extension BindOperation {
  fileprivate var members: [(String, JSONValue?)] {
    [
      ("address", .string("\(cell)")), ("before", before?.json), ("after", after?.json),
      ("wordBefore", .word(wordBefore)), ("wordAfter", .word(wordAfter)),
      ("records", records.isEmpty ? nil : .array(records.map(\.json))), ("fresh", .boolean(isFresh)),
      ("initial", initial?.json),
    ]
  }
}

extension JSONValue {
  fileprivate static func word(_ value: UInt64) -> JSONValue { .string("0x" + String(value, radix: 16)) }
}

extension InitialRoom {
  fileprivate var json: JSONValue {
    switch self {
    case .existing: .object([("room", "existing")])
    case .moved(let origin): .object([("room", "moved"), ("from", .string("\(origin)"))])
    case .new(let flag): .object([("room", "new"), ("flag", .string("\(flag)"))])
    }
  }
}

extension ImportedSymbol {
  fileprivate var json: JSONValue {
    .object([
      ("name", .string(name)), ("version", version.map(JSONValue.string)), ("library", library.map(JSONValue.string)),
      ("addend", .integer(addend)),
    ])
  }
}

extension FileEdit {
  fileprivate var json: JSONValue {
    .object([
      ("fileOffset", .count(offset.rawValue)), ("before", .string(before.hexadecimal)),
      ("after", .string(after.hexadecimal)),
    ])
  }
}

extension Fixup {
  fileprivate var json: JSONValue {
    let word =
      switch kind {
      case .relative32: "relative32"
      case .relative64: "relative64"
      case .absolute32: "absolute32"
      case .absolute64: "absolute64"
      case .arm64Branch26: "arm64Branch26"
      case .arm64Page21: "arm64Page21"
      case .arm64PageOffset12: "arm64PageOffset12"
      }
    return .object([
      ("offset", .count(offset)), ("kind", .string(word)), ("target", .string("\(target)")),
      ("addend", .integer(addend)),
    ])
  }
}
