import Foundation

/// Zig 0.10.1 as it stays running beside its output and writes each update over it: `zig build-exe --watch`, whose prompt takes
/// `update` and `exit`.
final class ZigSession {
  let folder: URL
  private let process = Process()
  private let input = Pipe()
  private let said = Pipe()
  private var imageCount = 0

  struct Failure: Error { var output: String }

  init(in folder: URL) throws {
    self.folder = folder
    try Data("pub fn main() void {}\n".utf8).write(to: source)
    let zig = try ToolRun.pythonPackage("ziglang", "0.10.1.post1") + "/ziglang/zig"
    process.executableURL = URL(fileURLWithPath: zig)
    process.arguments = [
      "build-exe", "program.zig", "-target", "aarch64-macos", "-fno-stage1", "-fno-LLVM", "--watch", "--cache-dir",
      "cache", "--global-cache-dir", "cache",
    ]
    process.currentDirectoryURL = folder
    process.standardInput = input
    process.standardOutput = said
    process.standardError = said
    try process.run()
    _ = try prompt()
  }

  deinit {
    try? input.fileHandleForWriting.write(contentsOf: Data("exit\n".utf8))
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  /// The image that it writes over.
  var output: URL { folder.appendingPathComponent("program") }

  private var source: URL { folder.appendingPathComponent("program.zig") }

  /// What it says up to its next prompt.
  private func prompt() throws -> String {
    var said = Data()
    while !said.suffix(6).elementsEqual(Data("(zig) ".utf8)) {
      guard let byte = try self.said.fileHandleForReading.read(upToCount: 1), !byte.isEmpty else {
        throw Failure(output: String(decoding: said, as: UTF8.self))
      }
      said += byte
    }
    return String(decoding: said.dropLast(6), as: UTF8.self)
  }

  /// Compiles a source over the last one's image.
  /// - Returns: a copy of the image.
  func image(of text: String) throws -> EmulatedProgram {
    try Data(text.utf8).write(to: source)
    try input.fileHandleForWriting.write(contentsOf: Data("update\n".utf8))
    let said = try prompt()
    if said.contains("error") { throw Failure(output: said) }
    let copy = folder.appendingPathComponent("image\(imageCount)")
    imageCount += 1
    try FileManager.default.copyItem(at: output, to: copy)
    return try EmulatedProgram(copy.path)
  }
}
