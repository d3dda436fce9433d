import Addressing

extension UpdateContent {
  /// What updates that follow one another come to, as one: operations put together (`NetOperations`), each atom's first placement
  /// and its last, all guards, types and lines. Message, author and time are the last one's.
  ///
  /// - Parameter contents: oldest first; none of them observed.
  static func net(of contents: [UpdateContent], base: BaseImage) -> UpdateContent? {
    guard let last = contents.last else { return nil }
    let items = NetOperations.items(of: contents.flatMap(\.operations), base: base)
    var places: [Int: [Int]] = [:]
    for (index, item) in items.enumerated() {
      for source in item.sources { places[source, default: []].append(index) }
    }
    return UpdateContent(
      time: last.time, author: last.author, message: last.message, sourceRevision: last.sourceRevision,
      operations: items.map(\.operation), atoms: netAtoms(of: contents, places),
      guards: netGuards(of: contents.map(\.guards)),
      cursors: last.cursors, types: distinct(contents.flatMap(\.types)),
      sources: SourceMap(joining: contents.map(\.sources)))
  }

  /// - Parameter places: where each operation of all the contents has gone.
  private static func netAtoms(of contents: [UpdateContent], _ places: [Int: [Int]]) -> [AtomChange] {
    var net: [AtomChange] = []
    var known: [AtomIdentity: Int] = [:]
    var first = 0
    for content in contents {
      for var change in content.atoms {
        change.operations = change.operations.flatMap { places[first + $0] ?? [] }
        if let index = known[change.atom] {
          net[index] = net[index].followed(by: change)
        } else {
          known[change.atom] = net.count
          net.append(change)
        }
      }
      first += content.operations.count
    }
    return net.filter { $0.before != nil || $0.after != nil }.map { change in
      var change = change
      change.operations = distinct(change.operations).sorted()
      return change
    }
  }

  /// Of guards for the same range the stricter ones come first: a plan takes the first.
  static func netGuards(of contents: [[Guard]]) -> [Guard] {
    let guards = distinct(contents.flatMap(\.self))
    return guards.filter(\.reason.isOfOverwritten) + guards.filter { !$0.reason.isOfOverwritten }
  }

  private static func distinct<Value: Hashable>(_ values: [Value]) -> [Value] {
    var seen: Set<Value> = []
    return values.filter { seen.insert($0).inserted }
  }

  /// What is kept of an update once it is pruned.
  var skeleton: UpdateContent {
    var skeleton = self
    skeleton.operations = []
    skeleton.guards = []
    skeleton.sources = .empty
    skeleton.observation = nil
    for index in skeleton.atoms.indices { skeleton.atoms[index].operations = [] }
    return skeleton
  }
}

extension AtomChange {
  fileprivate func followed(by later: AtomChange) -> AtomChange {
    var net = later
    net.before = before
    net.operations = operations + later.operations
    switch (before, later.after) {
    case (nil, _): net.change = .added
    case (_, nil): net.change = .removed
    case (let before?, let after?): net.change = before.body.start == after.body.start ? .rewritten : .moved
    }
    return net
  }
}

extension SourceMap {
  /// Where bodies of several maps overlap, the later map's counts.
  init(joining maps: [SourceMap]) {
    self.init()
    var known: [String: Int] = [:]
    var taken: [VirtualAddress: BodyLines] = [:]
    for map in maps {
      for var lines in map.bodies {
        for index in lines.rows.indices {
          guard map.files.indices.contains(lines.rows[index].file) else { continue }
          let name = map.files[lines.rows[index].file]
          let file = known[name] ?? known.count
          known[name] = file
          lines.rows[index].file = file
        }
        taken[lines.start] = lines
      }
    }
    let names = known.sorted { $0.value < $1.value }.map(\.key)
    var end: UInt64 = 0
    for lines in taken.values.sorted(by: { $0.start < $1.start }) where lines.start.rawValue >= end {
      bodies.append(lines)
      end = lines.start.rawValue &+ UInt64(lines.byteCount)
    }
    self = SourceMap(files: names, bodies: bodies).withoutUnusedFiles
  }

  /// Files in the order of their first use: one value has one encoding.
  private var withoutUnusedFiles: SourceMap {
    var map = SourceMap()
    var places: [Int: Int] = [:]
    for var lines in bodies {
      for index in lines.rows.indices where files.indices.contains(lines.rows[index].file) {
        let file = lines.rows[index].file
        if places[file] == nil {
          places[file] = map.files.count
          map.files.append(files[file])
        }
        lines.rows[index].file = places[file] ?? 0
      }
      map.bodies.append(lines)
    }
    return map
  }
}
