import Foundation

/// A program run to its end.
struct ToolRun {
  var status: Int32
  /// Standard output and standard error.
  var output: String

  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  init(_ program: String, _ arguments: [String], in folder: URL = Self.repository) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.currentDirectoryURL = folder
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    status = process.terminationStatus
    output = String(decoding: data, as: UTF8.self)
  }

  /// The folder of a Python package, installed where it is missing.
  static func pythonPackage(_ name: String, _ version: String) throws -> String {
    let run = try ToolRun("scripts/install-python", [name, version])
    return run.output.split(separator: "\n").last.map(String.init) ?? ""
  }
}

/// A folder that goes with the body.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}
