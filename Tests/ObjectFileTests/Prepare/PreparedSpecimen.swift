import Addressing
import Foundation
import ObjectFile

extension ELFArenaRequest {
  /// Enough for every test, small enough to be quick.
  static let forTests = ELFArenaRequest(
    codeByteCount: 1 << 16, constantByteCount: 1 << 16, cellByteCount: 1 << 12, flagByteCount: 1 << 12,
    dataByteCount: 1 << 16, relocationRoom: 64, symbolRoom: 32, stringRoom: 1024, versionNeedRoom: 256,
    unwindEntryRoom: 32, unwindByteRoom: 4096)

  /// The same, and it grows.
  static let growingForTests: ELFArenaRequest = {
    var request = forTests
    request.growth = .init(codeByteCount: 1 << 18, constantByteCount: 1 << 16, dataByteCount: 1 << 14)
    return request
  }()
}

/// An executable that is linked for a test, and the prepared one beside it.
struct PreparedSpecimen: Sendable {
  let folder: TemporaryFolder
  let original: String
  let prepared: String
  let image: ELFPreparedImage

  /// - Parameter command: a compiler with its arguments; the program is `program.c` or `program.cc`, the output is added.
  init(_ command: [String], source: String, request: ELFArenaRequest = .forTests) throws {
    folder = try TemporaryFolder()
    original = folder.path + "/original"
    prepared = folder.path + "/prepared"
    let isCxx = command[0].hasSuffix("++")
    let name = isCxx ? "program.cc" : "program.c"
    _ = try folder.write(source, to: name)
    try Tool.run(command[0], Array(command.dropFirst()) + [name, "-o", "original"], in: folder.path)
    image = try ELFPreparedImage(preparing: ELFFile(MappedFile(path: original)), request: request)
    try image.write(toNewFile: prepared, permissionsOf: original)
  }

  /// The tables of the prepared file as it is now.
  func tables(_ counters: ELFTableCounters? = nil) throws -> ELFLoaderTables {
    let file = try MappedFile(copying: prepared)
    return try ELFLoaderTables(layout: image.layout, counters: counters ?? image.counters, fileName: prepared) {
      try file.view.bytes(at: Int($0.rawValue), count: $1)
    }
  }

  /// Writes into the prepared file; what stands there must be what the edits expect.
  func apply(_ edits: [FileEdit]) throws {
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: prepared))
    for edit in edits {
      try file.seek(toOffset: edit.offset.rawValue)
      guard let found = try file.read(upToCount: edit.before.count), Array(found) == edit.before else {
        throw Tool.Failure(description: "other bytes at \(edit.offset) than \(edit.before)")
      }
      try file.seek(toOffset: edit.offset.rawValue)
      try file.write(contentsOf: edit.after)
    }
    try file.close()
  }

  func symbol(_ name: String) throws -> VirtualAddress {
    let table = try ELFFile(MappedFile(path: original)).symbolTable(.static)
    guard let table, let symbol = table.first(where: { table.nameMatches($0, name) }) else {
      throw Tool.Failure(description: "no symbol \(name)")
    }
    return VirtualAddress(symbol.value)
  }

  /// What readers of ELF files say against the prepared file that they do not say against the original.
  func newComplaints() throws -> String {
    var result: Set<String> = []
    for reader in ["readelf -aW", "llvm-readobj --all", "eu-elflint --gnu-ld"] {
      let command = reader.split(separator: " ").map(String.init)
      guard Tool.isInstalled(command[0]) else { continue }
      result.formUnion(try complaints(command, prepared).subtracting(complaints(command, original)))
    }
    return result.sorted().joined(separator: "\n")
  }

  /// The lines that are no listing, without the file's name and the indexes of sections.
  private func complaints(_ command: [String], _ path: String) throws -> Set<String> {
    var result: Set<String> = []
    for line in try Launch("/usr/bin/env", command + [path]).output.lines {
      guard command[0] == "eu-elflint" || line.contains("arning:") || line.contains("rror:") else { continue }
      guard line != "No errors", !line.isEmpty else { continue }
      let text = String(line).replacingOccurrences(of: path, with: "")
      let withoutIndex = text.split(separator: "[").map { $0.drop { $0.isNumber || $0 == " " } }.joined()
      result.insert("\(command[0]): \(withoutIndex)")
    }
    return result
  }
}

/// Prepared once for all the tests that only look at it.
actor PreparedShelf {
  static let shared = PreparedShelf()
  private var made: [String: PreparedSpecimen] = [:]

  func specimen(_ link: Link) throws -> PreparedSpecimen {
    if let specimen = made[link.testDescription] { return specimen }
    let specimen = try PreparedSpecimen(link.command, source: link.source)
    made[link.testDescription] = specimen
    return specimen
  }
}
