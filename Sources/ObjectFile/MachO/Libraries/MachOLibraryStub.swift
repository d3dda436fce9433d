/// A library as an SDK describes it without its code: a document of a text-based stub (`.tbd`), version 4 of the format
/// (LLVM, llvm/lib/TextAPI/TextStub.cpp). One file describes a library and what it re-exports.
public struct MachOLibraryStub: Hashable, Sendable {
  public enum Export: Hashable, Sendable {
    case ordinary
    case threadLocal
  }

  /// The install name, by which images load it.
  public let name: String
  /// Install names of the libraries whose exports it passes on.
  public private(set) var reexports: [String] = []
  private var exports: [String: Export] = [:]

  /// What it exports on the machine, with the underscore that C's names have.
  public func export(named name: String) -> Export? { exports[name] }

  /// - Parameter machine: exports and re-exports for macOS on this machine are taken.
  /// - Returns: all documents, in the order of the file.
  /// - Throws: `unsupportedVersion`, or `malformedTable` with the number of the line.
  public static func all(in file: MappedFile, for machine: MachOMachine) throws(ObjectFileError) -> [MachOLibraryStub] {
    var reader = MachOStubReader(file)
    var stubs: [MachOLibraryStub] = []
    while let document = try reader.next() { stubs.append(try MachOLibraryStub(document, machine, file)) }
    return stubs
  }

  /// Whether the file begins as such a stub does.
  public static func isStub(_ file: MappedFile) -> Bool {
    let start = (try? file.view.bytes(at: 0, count: min(file.view.count, 16))) ?? []
    return start.starts(with: Array("---".utf8))
  }

  private init(_ document: [MachOStubEntry], _ machine: MachOMachine, _ file: MappedFile) throws(ObjectFileError) {
    func failure(_ code: ObjectFileError.Code, _ detail: String) -> ObjectFileError {
      ObjectFileError(code, file: file.path, detail: detail, format: .machO)
    }
    func value(_ key: String) -> String? { document.first { $0.key == key && $0.depth == 0 }?.values.first }
    let version = value("tbd-version")
    guard version == "4" else {
      throw failure(.unsupportedVersion, "tbd-version \(version ?? "of before 4"), and 4 is known")
    }
    guard let name = value("install-name") else { throw failure(.malformedTable, "a document without install-name") }
    self.name = name
    let target = machine == .arm64 ? "arm64-macos" : "x86_64-macos"
    var section = ""
    var isMeant = false
    for entry in document {
      if entry.depth == 0 {
        section = entry.key
      } else if entry.key == "targets" {
        isMeant = entry.values.contains(target)
      } else if isMeant {
        take(entry, in: section)
      }
    }
  }

  private mutating func take(_ entry: MachOStubEntry, in section: String) {
    switch (section, entry.key) {
    case ("reexported-libraries", "libraries"): reexports += entry.values
    case ("exports", "symbols"), ("exports", "weak-symbols"), ("reexports", "symbols"), ("reexports", "weak-symbols"):
      for name in entry.values { exports[name] = .ordinary }
    case ("exports", "thread-local-symbols"), ("reexports", "thread-local-symbols"):
      for name in entry.values { exports[name] = .threadLocal }
    case ("exports", "objc-classes"), ("reexports", "objc-classes"):
      for name in entry.values {
        exports["_OBJC_CLASS_$_\(name)"] = .ordinary
        exports["_OBJC_METACLASS_$_\(name)"] = .ordinary
      }
    default: break
    }
  }
}

/// `key: value`, `key: [ value, … ]`, or `key:` before what belongs to it.
struct MachOStubEntry: Hashable {
  var key: String
  var values: [String]
  /// 0 for the document's own keys; else those of an element of a list.
  var depth: Int
}

/// Reads as much of YAML as these stubs are written in, document by document: block mappings, lists of them, flow lists of
/// plain or quoted words.
struct MachOStubReader {
  private let name: String
  private var lines: [Substring.UTF8View.SubSequence]
  private var number = 0

  init(_ file: MappedFile) {
    name = file.path
    let text = String(decoding: file.view.allBytes, as: UTF8.self)
    lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
  }

  /// The entries of the next document; nil behind the last.
  mutating func next() throws(ObjectFileError) -> [MachOStubEntry]? {
    var entries: [MachOStubEntry] = []
    while number < lines.count {
      let line = lines[number]
      if Self.isMark(line, "---"), !entries.isEmpty { return entries }
      number += 1
      if Self.isMark(line, "---") || Self.isMark(line, "...") { continue }
      if let entry = try entry(String(line) ?? "") { entries.append(entry) }
    }
    return entries.isEmpty ? nil : entries
  }

  private static func isMark(_ line: Substring.UTF8View, _ mark: String) -> Bool { line.starts(with: mark.utf8) }

  private mutating func entry(_ line: String) throws(ObjectFileError) -> MachOStubEntry? {
    var rest = line.drop { $0 == " " }
    guard let first = rest.first, first != "#", first != "\r" else { return nil }
    var depth = line.count - rest.count
    if rest.hasPrefix("- ") {
      rest = rest.dropFirst(2).drop { $0 == " " }
      depth += 2
    }
    guard let colon = rest.firstIndex(of: ":") else { throw failure("neither a key nor the end of a list") }
    let key = String(rest[..<colon])
    let value = Self.trimmed(rest[rest.index(after: colon)...])
    guard value.hasPrefix("[") else {
      return MachOStubEntry(key: key, values: value.isEmpty ? [] : [Self.word(value)], depth: depth)
    }
    return MachOStubEntry(key: key, values: try list(value.dropFirst()), depth: depth)
  }

  /// The rest of a list, which may go on in the next lines.
  private mutating func list(_ start: Substring) throws(ObjectFileError) -> [String] {
    let first = number
    var values: [String] = []
    var part = start
    while true {
      let end = part.firstIndex(of: "]")
      for value in part[..<(end ?? part.endIndex)].split(separator: ",") {
        let word = Self.word(Self.trimmed(value))
        if !word.isEmpty { values.append(word) }
      }
      if end != nil { return values }
      // No name holds a bracket: the next list has begun.
      guard number < lines.count, !Self.isMark(lines[number], "---"), !lines[number].contains(UInt8(ascii: "[")) else {
        number = first
        throw failure("a list without an end")
      }
      part = Substring(lines[number])
      number += 1
    }
  }

  private static func trimmed(_ text: Substring) -> Substring {
    let rest = text.drop { $0 == " " || $0 == "\t" }
    guard let last = rest.lastIndex(where: { $0 != " " && $0 != "\t" && $0 != "\r" }) else { return "" }
    return rest[...last]
  }

  private static func word(_ text: Substring) -> String {
    guard let quote = text.first, quote == "'" || quote == "\"", text.count > 1, text.last == quote else {
      return String(text)
    }
    return String(text.dropFirst().dropLast())
  }

  private func failure(_ detail: String) -> ObjectFileError {
    ObjectFileError(.malformedTable, file: name, detail: "line \(number): \(detail)", format: .machO)
  }
}
