import Addressing
import Journal

/// GCC's -fsection-anchors (on for arm64 from -O1): code takes one address in a section and goes on from there to other
/// variables, by distances that no relocation tells. New code may do so only where the variables stand in the image as
/// they do in the object.
struct SectionAnchors {
  let identities: AtomIdentities
  let decisions: LinkDecisions

  private var set: LinkSet { identities.set }

  func check() throws(LinkError) {
    for (index, object) in set.objects.enumerated() where object.facts.mayUseSectionAnchors {
      var sections: Set<Int> = []
      for piece in object.pieces where piece.kind == .code {
        guard decisions.changes(PieceID(object: index, piece: piece.index)) else { continue }
        for case .inner(let target, _) in piece.targets where object.pieces[target].kind != .code {
          sections.insert(object.pieces[target].section)
        }
      }
      for section in sections.sorted() { try check(section, of: index) }
    }
  }

  private func check(_ section: Int, of object: Int) throws(LinkError) {
    let pieces = set.objects[object].pieces.filter { $0.section == section && !$0.symbols.isEmpty }
    guard let first = pieces.first, pieces.count > 1 else { return }
    let distance = try distance(of: first, in: object)
    for piece in pieces {
      guard let distance, try self.distance(of: piece, in: object) == distance else {
        throw LinkError(
          .sectionAnchors, object: set.objects[object].path, symbol: piece.name,
          detail: "it is not as far from \(first.name) as in the object")
      }
    }
  }

  /// How far the piece stands from its offset in the section; nil for one that the image does not have.
  private func distance(of piece: ObjectPiece, in object: Int) throws(LinkError) -> UInt64? {
    let id = PieceID(object: object, piece: piece.index)
    if decisions.placed.contains(id) { return nil }
    if piece.kind == .threadLocal {
      let offset = try identities.known(id, symbol: 0)?.threadOffset
      return offset.map { UInt64(bitPattern: $0) &- piece.symbols[0].offset &- piece.start }
    }
    let place = decisions.kept[id] ?? decisions.rewritten[id] ?? decisions.reinitialized[id]
    return place.map { $0.rawValue &- piece.start }
  }
}
