extension Operation {
  /// The operation that takes what this one leaves back to what it found. Inverting twice is the identity.
  public var inverted: Operation {
    switch self {
    case .write(let write): .write(write.inverted)
    case .resize(let resize): .resize(ResizeOperation(before: resize.after, after: resize.before))
    case .pointer(let pointer): .pointer(pointer.inverted)
    case .bind(let bind): .bind(bind.inverted)
    case .map(let map):
      .map(
        MapOperation(
          range: map.range, protection: map.protection, isMappedBefore: map.isMappedAfter,
          isMappedAfter: map.isMappedBefore))
    // The protection found and the one wanted while writing are the same on the way back.
    case .protect(let protect): .protect(protect)
    }
  }
}

extension UpdateContent {
  /// The operations that take a target from this update back to its parent.
  ///
  /// Order matters: what was written over twice in one update must be taken back in the opposite order, so the
  /// operations are inverted *and* reversed.
  public var invertedOperations: [Operation] { operations.reversed().map(\.inverted) }
}

extension WriteOperation {
  /// The fixups stay: in an inverse they describe fields of `before`, which is where the linked bytes are then. So an
  /// inverse is executed as it is, but a new update that is made from one leaves them out.
  fileprivate var inverted: WriteOperation {
    WriteOperation(place: place, before: after, after: before, fixups: fixups, initial: initial, isFresh: isFresh)
  }
}

extension PointerOperation {
  fileprivate var inverted: PointerOperation {
    PointerOperation(
      cell: cell, before: after, after: before, wordBefore: wordAfter, wordAfter: wordBefore,
      records: records.reversed().map(\.inverted), initial: initial, isFresh: isFresh)
  }
}

extension BindOperation {
  fileprivate var inverted: BindOperation {
    BindOperation(
      cell: cell, before: after, after: before, wordBefore: wordAfter, wordAfter: wordBefore,
      records: records.reversed().map(\.inverted), initial: initial, isFresh: isFresh)
  }
}
