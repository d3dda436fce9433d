/// What a transaction has looked up or written of what its next update is likely to need. Bounded, and gone with the transaction:
/// between two of them another process may write.
final class RecordingMemory {
  /// The last update of the transaction, where it is new: its children are not in the journal, and it is the newest of its branch.
  struct Tail {
    var digest: Digest
    var lineage: Lineage
    var cursors: ArenaCursors
  }

  /// The row of an atom's newest placement.
  struct NewestPlacement {
    var branch: Int64
    var from: Int64
    var payload: Int64?
    var lines: Int64?
  }

  struct Payload {
    var bytes: [UInt8]
    var depth: Int64
  }

  private static let maximumCount = 8192
  private static let maximumByteCount = 1 << 23

  var tail: Tail?
  private var atoms: [AtomIdentity: Int64] = [:]
  private var placements: [Int64: NewestPlacement?] = [:]
  /// The update at whose end the placements hold.
  private var position: Int64?
  private var payloadIDs: [Digest: Int64] = [:]
  private var payloads: [Int64: Payload] = [:]
  private var payloadByteCount = 0

  // MARK: Atoms

  func id(of atom: AtomIdentity) -> Int64? { atoms[atom] }

  func note(_ id: Int64, of atom: AtomIdentity) {
    if atoms.count >= Self.maximumCount { atoms.removeAll() }
    atoms[atom] = id
  }

  /// To be called before placements are asked for, or noted.
  func stand(at number: Int64) {
    if position == number { return }
    placements.removeAll()
    position = number
  }

  /// The placements noted meanwhile hold at the end of the child.
  func move(to child: Int64) { position = child }

  /// Nil where it is not known; a nil within says that there is no row.
  func newestPlacement(of atom: Int64) -> NewestPlacement?? { placements[atom] }

  func note(_ placement: NewestPlacement?, of atom: Int64) {
    if placements.count >= Self.maximumCount { placements.removeAll() }
    placements[atom] = .some(placement)
  }

  // MARK: Payloads

  func payloadID(of digest: Digest) -> Int64? { payloadIDs[digest] }

  func note(payload id: Int64, of digest: Digest) {
    if payloadIDs.count >= Self.maximumCount { payloadIDs.removeAll() }
    payloadIDs[digest] = id
  }

  func payload(_ id: Int64) -> Payload? { payloads[id] }

  func note(_ payload: Payload, as id: Int64) {
    if payload.bytes.count > Self.maximumByteCount / 16 { return }
    if payloads.count >= Self.maximumCount || payloadByteCount + payload.bytes.count > Self.maximumByteCount {
      payloads.removeAll()
      payloadByteCount = 0
    }
    if payloads.updateValue(payload, forKey: id) == nil { payloadByteCount += payload.bytes.count }
  }
}
