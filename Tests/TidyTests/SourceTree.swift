import Foundation

/// The tree that this test was built from.
struct SourceTree {
  struct File {
    /// From the root of the tree, with `/`.
    let path: String
    let lines: [Substring]

    /// The folder under `Sources`.
    var module: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

    var imports: [String] {
      lines.compactMap { line in
        let words = line.split(separator: " ")
        guard let position = words.firstIndex(of: "import"), position < words.count - 1,
          words[..<position].allSatisfy({ ["public", "private", "internal", "package", "@testable"].contains($0) })
        else { return nil }
        return String(words[position + 1])
      }
    }
  }

  let files: [File]

  /// - Parameter folder: from the root of the tree.
  init(_ folder: String, file: String = #filePath) throws {
    let root = URL(fileURLWithPath: file).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let start = root.appendingPathComponent(folder)
    let paths = FileManager.default.enumerator(atPath: start.path)?.compactMap { $0 as? String } ?? []
    files = try paths.filter { $0.hasSuffix(".swift") }.sorted().map { path in
      let text = try String(contentsOf: start.appendingPathComponent(path), encoding: .utf8)
      return File(path: "\(folder)/\(path)", lines: text.split(separator: "\n", omittingEmptySubsequences: false))
    }
  }
}
