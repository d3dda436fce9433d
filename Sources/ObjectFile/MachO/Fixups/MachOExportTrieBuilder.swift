/// Writes an export trie.
public struct MachOExportTrieBuilder: Sendable {
  private struct Node {
    var terminal: [UInt8] = []
    var edges: [(label: ArraySlice<UInt8>, child: Int)] = []
    var offset = 0
  }

  /// Nodes that have names in common up to `depth` bytes.
  private struct Pending {
    var node: Int
    var names: Range<Int>
    var depth: Int
  }

  private var nodes: [Node] = [Node()]

  /// The trie of a set of exports: the same for the same set, whatever their order. Empty for none.
  ///
  /// - Throws: `malformedExports` for a name that is exported twice, or has a NUL in it.
  public static func encode(_ exports: [MachOExport], file: String) throws(ObjectFileError) -> [UInt8] {
    guard !exports.isEmpty else { return [] }
    var entries = exports.map { (name: Array($0.name.utf8), export: $0) }
    entries.sort { $0.name.lexicographicallyPrecedes($1.name) }
    for (index, entry) in entries.enumerated() {
      let isTwice = index > 0 && entries[index - 1].name == entry.name
      guard !isTwice, !entry.name.contains(0) else {
        throw ObjectFileError(
          .malformedExports, file: file, symbol: entry.export.name,
          detail: isTwice ? "a name exported twice" : "a NUL in an exported name")
      }
    }
    var builder = MachOExportTrieBuilder()
    builder.build(entries)
    return builder.encoded()
  }

  private mutating func build(_ entries: [(name: [UInt8], export: MachOExport)]) {
    var pending = [Pending(node: 0, names: entries.indices, depth: 0)]
    while let group = pending.popLast() {
      var rest = group.names
      // Sorted, a name that ends here is the first.
      if let first = rest.first, entries[first].name.count == group.depth {
        nodes[group.node].terminal = Self.terminal(entries[first].export)
        rest = rest.dropFirst()
      }
      while let first = rest.first {
        let byte = entries[first].name[group.depth]
        let end = rest.first { entries[$0].name[group.depth] != byte } ?? rest.upperBound
        // Sorted, what the first and the last have in common they all have.
        let common = zip(entries[first].name, entries[end - 1].name).prefix { $0 == $1 }.count
        let child = nodes.count
        nodes.append(Node())
        nodes[group.node].edges.append((entries[first].name[group.depth..<common], child))
        pending.append(Pending(node: child, names: first..<end, depth: common))
        rest = end..<rest.upperBound
      }
    }
  }

  private static func terminal(_ export: MachOExport) -> [UInt8] {
    var bytes = TableBytes()
    bytes.append(uleb: export.flags.rawValue)
    switch export.place {
    case .offset(let offset): bytes.append(uleb: offset)
    case .resolver(let stub, let resolver):
      bytes.append(uleb: stub)
      bytes.append(uleb: resolver)
    case .reexport(let library, let name):
      bytes.append(uleb: library)
      bytes.append(name: name)
    }
    return bytes.bytes
  }

  /// Offsets are numbers of as many bytes as they need, and move what follows: they are computed until they stay.
  private mutating func encoded() -> [UInt8] {
    var isSettled = false
    while !isSettled {
      isSettled = true
      var offset = 0
      for index in nodes.indices {
        if nodes[index].offset != offset {
          nodes[index].offset = offset
          isSettled = false
        }
        offset += encoded(nodes[index]).count
      }
    }
    return nodes.flatMap { encoded($0) }
  }

  private func encoded(_ node: Node) -> [UInt8] {
    var bytes = TableBytes()
    bytes.append(uleb: UInt64(node.terminal.count))
    bytes.append(node.terminal)
    bytes.append(UInt8(truncatingIfNeeded: node.edges.count))
    for (label, child) in node.edges {
      bytes.append(Array(label) + [0])
      bytes.append(uleb: UInt64(nodes[child].offset))
    }
    return bytes.bytes
  }
}
