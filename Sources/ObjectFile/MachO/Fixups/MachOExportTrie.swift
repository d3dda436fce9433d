/// The names that an image exports: a trie whose edges are pieces of names (`<mach-o/loader.h>`, dyld_info_command;
/// LC_DYLD_EXPORTS_TRIE).
public struct MachOExportTrie: Sendable {
  /// In the order of the trie.
  public let exports: [MachOExport]
  private let trie: ByteView

  /// Reads all of it.
  ///
  /// - Throws: `malformedExports` where nodes are reached twice, which includes circles, or names are longer than the
  ///   trie can make sense of.
  public init(_ trie: ByteView) throws(ObjectFileError) {
    self.trie = trie
    var exports: [MachOExport] = []
    var visited: Set<Int> = []
    // Names share beginnings; this is far beyond what names have in common.
    var nameRoom = 1024 * trie.count
    var pending: [(node: Int, name: [UInt8])] = trie.isEmpty ? [] : [(0, [])]
    while let (offset, name) = pending.popLast() {
      guard visited.insert(offset).inserted else { throw Self.failure(trie, offset, "a node is reached twice") }
      let node = try Self.node(trie, at: offset)
      nameRoom -= name.count
      guard name.count <= Self.longestName, nameRoom >= 0 else {
        throw Self.failure(trie, offset, "names of \(name.count) bytes and more")
      }
      if let terminal = node.terminal { exports.append(try Self.export(terminal, name: name)) }
      for (label, child) in node.edges.reversed() { pending.append((child, name + label.allBytes)) }
    }
    self.exports = exports
  }

  /// The export of a name, found along the edges without reading the rest.
  public func export(named name: String) throws(ObjectFileError) -> MachOExport? {
    var rest = Array(name.utf8)[...]
    // Each step but those along empty edges takes a byte of the name.
    var steps = 0
    var offset = 0
    guard !trie.isEmpty else { return nil }
    while steps <= trie.count {
      let node = try Self.node(trie, at: offset)
      if rest.isEmpty, let terminal = node.terminal { return try Self.export(terminal, name: Array(name.utf8)) }
      let next = node.edges.first { edge in edge.label.withUnsafeBytes { rest.starts(with: $0) } }
      guard let next else { return nil }
      rest = rest.dropFirst(next.label.count)
      (offset, steps) = (next.child, steps + 1)
    }
    throw Self.failure(trie, offset, "a circle of nodes")
  }

  /// dyld's own bound of a name (`MachOLoaded::trieWalk` and its like hold 32 KiB).
  private static let longestName = 32768

  private struct Node {
    var terminal: ByteView?
    var edges: [(label: ByteView, child: Int)]
  }

  private static func node(_ trie: ByteView, at offset: Int) throws(ObjectFileError) -> Node {
    var cursor = MachOStreamCursor(trie, at: offset)
    let terminalByteCount = try cursor.uleb()
    let terminal = try trie.slice(UInt64(cursor.offset), terminalByteCount)
    cursor = MachOStreamCursor(trie, at: cursor.offset + terminal.count)
    var edges: [(label: ByteView, child: Int)] = []
    for _ in 0..<(try cursor.byte()) {
      let label = try trie.cStringBytes(at: cursor.offset)
      cursor = MachOStreamCursor(trie, at: cursor.offset + label.count + 1)
      let child = try cursor.uleb()
      guard child < UInt64(trie.count) else { throw cursor.failure(.malformedExports, "a node outside the trie") }
      edges.append((label, Int(child)))
    }
    return Node(terminal: terminal.isEmpty ? nil : terminal, edges: edges)
  }

  private static func export(_ terminal: ByteView, name: [UInt8]) throws(ObjectFileError) -> MachOExport {
    var cursor = MachOStreamCursor(terminal)
    guard let text = String(validating: name, as: UTF8.self) else {
      throw cursor.failure(.badString, "an exported name is no UTF-8")
    }
    let flags = MachOExport.Flags(rawValue: try cursor.uleb())
    guard flags.isSubset(of: .known) else {
      throw cursor.failure(.malformedExports, "flags 0x\(String(flags.rawValue, radix: 16))", symbol: text)
    }
    let place: MachOExport.Place
    if flags.contains(.reexport) {
      place = .reexport(library: try cursor.uleb(), name: try cursor.name())
    } else if flags.contains(.stubAndResolver) {
      place = .resolver(stub: try cursor.uleb(), resolver: try cursor.uleb())
    } else {
      place = .offset(try cursor.uleb())
    }
    return MachOExport(name: text, flags: flags, place: place)
  }

  private static func failure(_ trie: ByteView, _ offset: Int, _ detail: String) -> ObjectFileError {
    MachOStreamCursor(trie, at: offset).failure(.malformedExports, detail)
  }
}
