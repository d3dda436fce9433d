import Foundation

/// A program of the system that tests run.
struct Tool: Sendable {
  let path: String

  /// Looked for in `PATH`, unless it is a path itself.
  init?(_ name: String) {
    if name.contains("/") {
      guard FileManager.default.isExecutableFile(atPath: name) else { return nil }
      path = name
      return
    }
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    guard let path = folders.map({ "\($0)/\(name)" }).first(where: FileManager.default.isExecutableFile) else {
      return nil
    }
    self.path = path
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// The path of a program that comes with the Swift compiler, where an older one of the system may be found first.
  static func inToolchain(_ name: String) throws -> String {
    guard let compiler = Tool("swiftc") else { throw Failure(description: "swiftc is not installed") }
    return URL(fileURLWithPath: compiler.path).deletingLastPathComponent().appendingPathComponent(name).path
  }

  static func isInstalled(_ name: String) -> Bool { Tool(name) != nil }

  /// Runs a program in a folder and returns its standard output.
  @discardableResult
  static func run(_ name: String, _ arguments: [String], in folder: String = "/") throws -> String {
    guard let tool = Tool(name) else { throw Failure(description: "\(name) is not installed") }
    let output = try TemporaryFolder()
    // Files, not pipes: a full pipe would stop a program whose other stream is being read.
    let streams = try ["out", "errors"].map { name -> FileHandle in
      let file = try output.write("", to: name)
      return try FileHandle(forWritingTo: URL(fileURLWithPath: file))
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: tool.path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = streams[0]
    process.standardError = streams[1]
    try process.run()
    process.waitUntilExit()
    func text(_ name: String) throws -> String {
      String(decoding: try Data(contentsOf: URL(fileURLWithPath: output.path + "/" + name)), as: UTF8.self)
    }
    guard process.terminationStatus == 0 else {
      let command = ([name] + arguments).joined(separator: " ")
      throw Failure(description: "\(command)\nstatus \(process.terminationStatus)\n\(try text("errors"))")
    }
    return try text("out")
  }
}
