import Addressing
public import Journal

/// Bytes of a target that are not what its journal says.
public struct ContentMismatch: Hashable, Sendable {
  public var source: OperationSource
  public var place: TargetPlace
  public var expected: [UInt8]
  public var found: [UInt8]
  /// Who may have done it, as far as the bytes tell; nil for a cell, and where nobody is known to write such.
  public var suspect: ForeignCode?
}

extension UpdateApplier {
  /// Compares the covered bytes of a target with what the updates up to its position have left there. Changes nothing.
  ///
  /// Not covered are the bytes that no update has touched, variables, and cells that the dynamic loader fills.
  /// - Parameter history: the steps from the base image to where the target stands.
  public func verify(_ history: [Step], on target: any UpdateTarget) throws(ApplyError) -> [ContentMismatch] {
    do throws(ApplyError) {
      let position = try standing(of: target).position
      guard (history.first?.origin ?? position.digest) == base.digest else {
        throw ApplyError(.stepsNotConnected, detail: "the history does not begin at the base image")
      }
      if history.isEmpty { return [] }
      let plan = try ApplyPlan(steps: history, destination: position, base: base, nature: target.nature)
      return try plan.mismatches(on: target, base)
    } catch { throw error.named(target.name) }
  }
}

extension ApplyPlan {
  /// Where a target that stands at the destination differs from it.
  func mismatches(on target: any UpdateTarget, _ base: BaseImage) throws(ApplyError) -> [ContentMismatch] {
    var result: [ContentMismatch] = []
    for extent in edits {
      let place = place(of: extent.start)
      guard target.holds(place) else { continue }
      let found = try target.read(place, count: extent.after.count)
      if found != extent.after { result.append(mismatch(of: extent, found: found)) }
    }
    result += try FreshPass(TargetComparison(plan: self, target: target), base: base).mismatches()
    for cell in cells {
      let word: UInt64
      switch cell.after {
      case .word(let number): word = number
      case .address(let address): word = target.word(pointingAt: address)
      // What a loader has bound is not compared.
      case .imported, nil: continue
      }
      let found = try target.read(.virtual(cell.address), count: 8)
      if found != word.littleEndianBytes {
        result.append(
          ContentMismatch(
            source: cell.source, place: .virtual(cell.address), expected: word.littleEndianBytes, found: found))
      }
    }
    return result
  }

  func mismatch(of extent: EditLedger.Extent, found: [UInt8]) -> ContentMismatch {
    let index = zip(found, extent.after).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    let suspect = index.flatMap { ForeignCode(found: found, expected: extent.after, at: $0, architecture) }
    return ContentMismatch(
      source: extent.source, place: place(of: extent.start), expected: extent.after, found: found,
      suspect: nature == .file ? nil : suspect)
  }

  func place(of position: UInt64) -> TargetPlace {
    nature == .file ? .file(FileOffset(position)) : .virtual(VirtualAddress(position))
  }
}
