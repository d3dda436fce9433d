import Addressing
import Applier
import Journal

/// Bytes of a target that are not what its journal says, by the atom that they are of.
struct Drift {
  let mismatch: ContentMismatch
  /// Of the first byte that differs; nil for bytes of a file that nothing maps.
  let address: VirtualAddress?
  /// Nil where no atom stands.
  let history: AddressHistory?

  init(_ mismatch: ContentMismatch, _ store: JournalStore, at position: Digest) throws {
    self.mismatch = mismatch
    let index = zip(mismatch.expected, mismatch.found).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
    switch mismatch.place {
    case .virtual(let start): address = start.advanced(by: UInt64(index))
    case .file(let start):
      address = start.advanced(by: UInt64(index)).flatMap { offset in
        store.base.segments.lazy.compactMap { segment in
          guard segment.fileOffset <= offset else { return nil }
          let distance = offset.rawValue - segment.fileOffset.rawValue
          return distance < segment.fileByteCount ? segment.range.start.advanced(by: distance) : nil
        }.first
      }
    }
    history = try address.flatMap { try store.history(of: $0, at: position) }
  }

  private var atom: String? {
    history.map { $0.placed.identity.title(as: $0.placed.kind) + "+0x" + String($0.offset, radix: 16) }
  }

  private var hand: String {
    switch mismatch.suspect {
    case .breakpoint?: "it looks like a debugger's breakpoint"
    case .hook?: "it looks like another tool's hook"
    case nil: "nobody known writes such bytes"
    }
  }

  var line: String {
    let place = [atom, address.map { "at \($0)" }].compactMap { $0 }.joined(separator: " ")
    let range = "\(mismatch.place.text), of update \(mismatch.source.update), operation \(mismatch.source.operation)"
    let (expected, found) = (mismatch.expected.hexadecimalPreview(16), mismatch.found.hexadecimalPreview(16))
    return (place.isEmpty ? "" : place + ": ") + "\(range): expected \(expected), found \(found); \(hand)"
  }

  var json: JSONValue {
    .object([
      mismatch.place.member, ("update", .integer(mismatch.source.update.rawValue)),
      ("operation", .count(mismatch.source.operation)), ("differsAt", address.map { .string("\($0)") }),
      ("atom", history.map { $0.placed.identity.json }), ("offset", history.map { .count($0.offset) }),
      ("expected", .string(mismatch.expected.hexadecimal)), ("found", .string(mismatch.found.hexadecimal)),
      ("suspect", mismatch.suspect.map { .string($0.rawValue) }),
    ])
  }
}

extension TargetPlace {
  fileprivate var text: String {
    switch self {
    case .virtual(let address): "\(address)"
    case .file(let offset): "\(offset)"
    }
  }

  fileprivate var member: (String, JSONValue?) {
    switch self {
    case .virtual(let address): ("address", .string("\(address)"))
    case .file(let offset): ("fileOffset", .count(offset.rawValue))
    }
  }
}
