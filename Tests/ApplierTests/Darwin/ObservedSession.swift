import Addressing
import Foundation
import Journal
import Linker

@testable import Applier

/// The updates that `record --observe` makes of the images that a compiler writes one over the other.
final class ObservedSession {
  let store: JournalStore
  private(set) var updates: [Update] = []

  /// - Parameter path: the first image; its journal stands beside it.
  init(of path: String) throws {
    store = try ImageAdoption.adopt(observedImageAt: path, journalPath: path + ".hcsj").store
  }

  var base: BaseImage { store.base }

  func record(_ path: String) throws {
    let parent = updates.last?.digest ?? base.digest
    let description = IncrementalLinker.Description(time: Int64(updates.count), author: "", message: path)
    let result = try ImageObserver(store: store, parent: parent).observe(imageAt: path, description)
    guard let content = result.content else { throw EmulatedProgram.Odd(what: "\(path) did not change") }
    updates.append(try store.append(content, parent: parent))
  }
}

extension [Update] {
  /// Between places in a chain of updates; 0 is its base.
  func steps(from start: Int, to end: Int) -> [Step] {
    start <= end
      ? self[start..<end].map { Step(update: $0, direction: .forward) }
      : self[end..<start].reversed().map { Step(update: $0, direction: .backward) }
  }

  func position(_ index: Int, _ base: BaseImage) -> TargetHeader.Position {
    index == 0 ? base.position : self[index - 1].position
  }
}
