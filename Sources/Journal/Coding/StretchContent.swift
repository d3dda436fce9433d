import Addressing

/// What updates of a branch that follow one another come to: the bytes that came into use, and all other operations put together
/// (`NetOperations`) with the guards.
struct StretchContent: Hashable {
  /// Operations and guards alone: who recorded what is the updates' own.
  var content: UpdateContent
  /// Ascending.
  var fresh: [FreshWrite]

  /// Nil for updates of an observed image, and where there are none.
  ///
  /// - Parameter updates: oldest first.
  init?(of updates: [Update], base: BaseImage) {
    guard let last = updates.last, updates.allSatisfy({ $0.content.observation == nil }) else { return nil }
    var order = FreshOrder(base: base)
    for update in updates { order.add(update.content.operations) }
    guard order.isKept else { return nil }
    let operations = updates.flatMap(\.content.operations)
    let isAlone = NetOperations.areAlone(operations, base: base)
    var fresh: [FreshWrite] = []
    var rest: [Operation] = []
    var index = 0
    for update in updates {
      for (place, operation) in update.content.operations.enumerated() {
        defer { index += 1 }
        if isAlone[index], case .write(let write) = operation, let start = write.freshStart {
          fresh.append(
            FreshWrite(
              start: start, before: write.before, after: write.after, update: update.number, operation: place))
        } else {
          rest.append(operation)
        }
      }
    }
    self.fresh = fresh.sorted { $0.start < $1.start }
    content = Self.content(rest, updates.map(\.content.guards), last.content.cursors, base)
  }

  /// Of stretches that follow one another the operations that are not in their blocks.
  static func content(joining parts: [UpdateContent], base: BaseImage) -> UpdateContent? {
    guard let last = parts.last else { return nil }
    return content(parts.flatMap(\.operations), parts.map(\.guards), last.cursors, base)
  }

  private static func content(
    _ operations: [Operation], _ guards: [[Guard]], _ cursors: ArenaCursors, _ base: BaseImage
  ) -> UpdateContent {
    UpdateContent(
      time: 0, author: "", message: "", operations: NetOperations.items(of: operations, base: base).map(\.operation),
      atoms: [], guards: UpdateContent.netGuards(of: guards), cursors: cursors)
  }

  /// Where the fresh bytes are, with short gaps.
  func areas(in base: BaseImage) -> [AddressRange] {
    var areas = StretchAreas(base: base)
    areas.add(fresh.lazy.map { AddressRange(start: $0.start, byteCount: UInt64($0.after.count)) })
    return areas.ascending
  }
}

extension WriteOperation {
  /// Where it brings bytes into use; nil where it does something else.
  fileprivate var freshStart: VirtualAddress? {
    guard isFresh, initial == nil, !after.isEmpty, case .virtual(let start) = place,
      !start.rawValue.addingReportingOverflow(UInt64(after.count)).overflow
    else { return nil }
    return start
  }
}
