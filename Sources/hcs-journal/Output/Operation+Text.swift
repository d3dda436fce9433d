import Addressing
import Journal

extension Operation {
  /// One line: kind, place, what changes there.
  var line: String { "\(word.padded(to: 8)) \(what)" }

  /// `initial` is what the design calls a write or pointer that carries a first value.
  var word: String {
    switch self {
    case .write(let write): write.initial == nil ? "write" : "initial"
    case .resize: "resize"
    case .pointer: "pointer"
    case .bind: "bind"
    case .map: "map"
    case .protect: "protect"
    }
  }

  private var what: String {
    switch self {
    case .write(let write): write.text
    case .resize(let resize): "the file from \(resize.before) to \(resize.after) bytes"
    case .pointer(let pointer): pointer.text
    case .bind(let bind): bind.text
    case .map(let map):
      "\(map.range) \(map.protection)" + (map.isMappedBefore ? ", there before" : "")
    case .protect(let protect): "\(protect.range) found \(protect.found), while writing \(protect.wanted)"
    }
  }

  /// The bytes before and after, as far as one looks at them; nil for an operation without.
  func byteLines(upTo count: Int) -> [String] {
    guard case .write(let write) = self else { return [] }
    return [
      "before \(write.before.hexadecimalPreview(count))", "after  \(write.after.hexadecimalPreview(count))",
    ]
  }
}

extension WriteOperation {
  fileprivate var text: String {
    var parts: [String] = []
    switch place {
    case .virtual(let address): parts.append("\(address) \(after.count) bytes")
    case .file(let offset): parts.append("\(offset) \(after.count) bytes, in the file only")
    }
    if !fixups.isEmpty { parts.append(fixups.count.counted("fixup")) }
    if isFresh { parts.append("fresh room") }
    if let initial { parts.append(initial.text) }
    return parts.joined(separator: ", ")
  }
}

extension InitialRoom {
  fileprivate var text: String {
    switch self {
    case .existing: "first value of a variable of the base image"
    case .moved(let origin): "first value of a variable that stood at \(origin)"
    case .new(let flag): "first value of a new variable, flag \(flag)"
    }
  }
}

extension PointerOperation {
  fileprivate var text: String {
    func target(_ address: VirtualAddress?) -> String { address.map { "\($0)" } ?? "null" }
    var parts = ["\(cell) \(target(before)) → \(target(after))"]
    if !records.isEmpty { parts.append(records.count.counted("loader record")) }
    if isFresh { parts.append("fresh room") }
    if let initial { parts.append(initial.text) }
    return parts.joined(separator: ", ")
  }
}

extension BindOperation {
  fileprivate var text: String {
    var parts = ["\(cell) \(before?.title ?? "nothing") → \(after?.title ?? "nothing")"]
    if !records.isEmpty { parts.append(records.count.counted("loader record")) }
    if isFresh { parts.append("fresh room") }
    if let initial { parts.append(initial.text) }
    return parts.joined(separator: ", ")
  }
}

extension ImportedSymbol {
  /// `puts@GLIBC_2.2.5 (libc.so.6)`.
  var title: String {
    name + (version.map { "@\($0)" } ?? "") + (addend == 0 ? "" : "+\(addend)") + (library.map { " (\($0))" } ?? "")
  }
}
