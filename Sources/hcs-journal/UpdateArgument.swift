import ArgumentParser
import Foundation
import Journal

/// An update as it is named on the command line: a number, a tag, `base`, `head`, `head~2`, the first digits of a digest.
struct UpdateArgument: ExpressibleByArgument {
  static let help = "a number, a tag, head, head~2, base, or the first 8 digits of a digest"

  let reference: UpdateReference

  init?(argument: String) {
    guard let reference = UpdateReference(argument) else { return nil }
    self.reference = reference
  }
}

/// `A..B`: what is on the way to B and not on the way to A. `B` alone is the whole way to B.
struct UpdateRangeArgument: ExpressibleByArgument {
  let from: UpdateReference?
  let to: UpdateReference

  init?(argument: String) {
    guard let dots = argument.range(of: "..") else {
      guard let to = UpdateReference(argument) else { return nil }
      (from, self.to) = (nil, to)
      return
    }
    let start = argument[..<dots.lowerBound]
    let end = argument[dots.upperBound...]
    guard let from = start.isEmpty ? .base : UpdateReference(String(start)),
      let to = end.isEmpty ? .head : UpdateReference(String(end))
    else { return nil }
    self.from = from
    self.to = to
  }
}

extension JournalStore {
  func position(_ argument: UpdateArgument) throws(JournalError) -> TargetHeader.Position {
    try position(of: argument.reference)
  }
}
