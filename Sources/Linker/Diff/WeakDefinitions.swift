import Journal

/// Tells the weak definitions that the image does not use: a strong one of another file took their place when it was
/// linked, and takes it still.
struct WeakDefinitions {
  private let directory: AtomDirectory

  init(directory: AtomDirectory) { self.directory = directory }

  func removeOverridden(from set: inout LinkSet) throws(LinkError) {
    let objects = set.objects
    try set.removeOverridden { (symbol, id) throws(LinkError) in
      let isInGroup = objects[id.object].pieces[id.piece].isInGroup
      return try isOverridden(symbol.name, unit: isInGroup ? nil : objects[id.object].unit)
    }
  }

  /// Mold makes symbols local that other images need not find; then the unit tells whose the image's definition is.
  ///
  /// - Parameter unit: nil where the definition serves every unit.
  private func isOverridden(_ name: String, unit: String?) throws(LinkError) -> Bool {
    let symbols = try directory.baseSymbols(named: name)
    if symbols.contains(where: { $0.binding == .global && $0.kind != .indirectFunction }) { return true }
    guard let unit, let only = symbols.first, symbols.count == 1, only.binding == .local else { return false }
    return only.unit != unit
  }
}
