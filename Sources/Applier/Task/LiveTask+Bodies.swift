import Addressing
import Journal

extension LiveTask {
  /// Who executes superseded code, and who could not be looked at. Each thread stands still by itself for a moment.
  public func threads(
    in superseded: SupersededCode
  ) throws(ApplyError) -> (places: [ThreadPlace], unseen: [UnseenThread]) {
    let guards = superseded.parts.map(PlannedGuard.init)
    // A range that the slide takes out of the address space is of another image.
    guard !guards.isEmpty, guards.allSatisfy({ RuntimeRange($0.range, slide: access.slide) != nil }) else {
      return ([], [])
    }
    let (occupants, unseen) = try survey(guards)
    return (superseded.places(of: occupants, in: self), unseen)
  }
}
