import Addressing
import Journal

/// Compares and writes the fresh bytes of a plan, window by window.
///
/// A file is exact on both sides. A task may be found with either side where bytes come into use, and keeps them when it goes back.
struct FreshPass {
  let comparison: TargetComparison
  private let base: BaseImage
  private let places: PlanBuilder
  private let isFile: Bool
  /// Of each extent of a task that a write has come to, whether it was written.
  private var isWritten = FlagRuns()

  init(_ comparison: TargetComparison, base: BaseImage) {
    self.comparison = comparison
    self.base = base
    isFile = comparison.plan.nature == .file
    places = PlanBuilder(base: base, nature: comparison.plan.nature, steps: [])
  }

  /// Whether a pass of its own finds out that all is as expected, before the first write: in a program that runs. Nobody has seen
  /// a fresh process or a file's copy before all of it is written, so that there each window is compared when it is written.
  var comparesFirst: Bool { comparison.plan.nature == .task(.running) }

  /// - Returns: how many bytes are due.
  /// - Throws: `.contentMismatch` at the first extent that is not as expected.
  func compare() throws(ApplyError) -> UInt64 {
    var due: UInt64 = 0
    try forEachWindow { (window) throws(ApplyError) in
      due += try self.due(of: window, try read(window)).byteCount
      return true
    }
    return due
  }

  /// - Returns: how many bytes were written.
  /// - Throws: `.contentMismatch` at the first extent that is not as expected.
  mutating func write() throws(ApplyError) -> UInt64 {
    let pass = self
    var written = isWritten
    // What was begun is undone as well: what came to be known up to a failure must not be lost.
    defer { isWritten = written }
    var sum: UInt64 = 0
    try pass.forEachWindow { (window) throws(ApplyError) in
      let found = try pass.read(window)
      let due = try pass.due(of: window, found)
      // A file's copy is not undone.
      if !isFile { written.append(due.flags) }
      sum += due.byteCount
      if due.byteCount > 0 { try pass.put(due.flags[...], isAfter: window.direction == .forward, window, over: found) }
      return true
    }
    return sum
  }

  /// Takes back what `write` has written, in a task: in none of it stood what it found to be there already.
  mutating func undo() throws(ApplyError) {
    guard isWritten.containsTrue else { return }
    let pass = self
    var rest = isWritten
    try pass.forEachWindow { (window) throws(ApplyError) in
      let flags = rest.takeFirst(window.extents.count)
      if flags.contains(true) { try pass.put(flags[...], isAfter: false, window, over: try pass.read(window)) }
      // What `write` has not come to may not be readable.
      return !rest.isEmpty
    }
    isWritten = FlagRuns()
  }

  /// To be called once what was written may be in use.
  mutating func keep() { isWritten = FlagRuns() }

  /// Where a target that stands at the end of the plan holds something else.
  func mismatches() throws(ApplyError) -> [ContentMismatch] {
    var result: [ContentMismatch] = []
    try forEachWindow { (window) throws(ApplyError) in
      let found = try read(window)
      let isZero = found.isZero
      for extent in window.extents {
        switch (window.side(of: extent, in: found, isZero: isZero), window.direction) {
        case (.same, _), (.after, .forward), (.before, .backward): continue
        case (.after, _), (.before, _), (.mixed, _), (.neither, _):
          let extentFound = slice(found, extent, window)
          result.append(comparison.plan.mismatch(of: ledgerExtent(extent, window), found: extentFound))
        }
      }
      return true
    }
    return result
  }

  // MARK: One window

  /// - Parameter body: whether to go on.
  private func forEachWindow(_ body: (FreshWindow) throws(ApplyError) -> Bool) throws(ApplyError) {
    let (target, nature) = (comparison.target, comparison.plan.nature)
    for part in comparison.plan.fresh {
      let result: Result<Bool, ApplyError>
      do throws(JournalError) {
        result = try part.stretch.forEachBlock { (block) throws(ApplyError) in
          let windows = try FreshWindow.windows(
            of: block, part.direction, in: base,
            holds: { nature == .file || target.holds(.virtual($0.start)) },
            place: { (range) throws(ApplyError) in
              try places.position(of: .virtual(range.start), count: Int(range.byteCount))
                .map(comparison.plan.place)
            })
          for window in windows where try !body(window) { return false }
          return true
        }
      } catch {
        throw ApplyError(.stretchUnreadable, update: part.stretch.range.to, cause: error)
      }
      if try !result.get() { return }
    }
  }

  private func read(_ window: FreshWindow) throws(ApplyError) -> [UInt8] {
    do throws(ApplyError) {
      let found = try comparison.target.read(window.place, count: window.byteCount)
      guard found.count == window.byteCount else { throw ApplyError(.contentMismatch, found: found) }
      return found
    } catch {
      throw window.extents.first.map { error.located(source(of: $0)) } ?? error
    }
  }

  /// Which extents are to be written, and how many bytes these have.
  private func due(
    of window: FreshWindow, _ found: [UInt8]
  ) throws(ApplyError) -> (flags: [Bool], byteCount: UInt64) {
    let isZero = found.isZero
    let isForward = window.direction == .forward
    var flags: [Bool] = []
    flags.reserveCapacity(window.extents.count)
    var byteCount: UInt64 = 0
    for extent in window.extents {
      guard let isDue = isDue(window.side(of: extent, in: found, isZero: isZero), isForward: isForward) else {
        throw comparison.mismatchError(slice(found, extent, window), ledgerExtent(extent, window))
      }
      flags.append(isDue)
      if isDue { byteCount += UInt64(extent.byteCount) }
    }
    return (flags, byteCount)
  }

  /// Whether an extent is to be written, by what it holds; nil where it must not hold that.
  private func isDue(_ side: FreshWindow.Side, isForward: Bool) -> Bool? {
    let acceptsBothSides = comparison.acceptsBothSides
    switch side {
    case .same: return false
    case .before where isForward: return true
    case .after where !isForward: return isFile
    case .after where !isFile || acceptsBothSides: return false
    case .before where isFile && acceptsBothSides: return false
    case .mixed where acceptsBothSides && (isForward || isFile): return true
    case .before, .after, .mixed, .neither: return nil
    }
  }

  /// - Parameter flags: which of the window's extents are written.
  private func put(
    _ flags: ArraySlice<Bool>, isAfter: Bool, _ window: FreshWindow, over found: consuming [UInt8]
  ) throws(ApplyError) {
    var bytes = found
    let runs = window.put(isAfter, of: flags, into: &bytes, bridging: bridgedByteCount(in: window))
    for run in runs {
      try write(run == bytes.indices ? bytes : Array(bytes[run]), at: run.lowerBound, window)
    }
  }

  /// How many bytes between two extents may be written with what was found there, so that one write does for both.
  ///
  /// A file's copy is ours. In a task somebody may change them meanwhile: the program what it may write, a later write of the same plan
  /// what it is for. What else lies there is what aligning left, or code that is written with what it is.
  func bridgedByteCount(in window: FreshWindow) -> Int {
    if isFile { return .max }
    guard !window.isWritable, !comparison.plan.touches(window.range) else { return 0 }
    return Self.alignmentGap
  }

  /// What aligning to 16 leaves at most.
  private static let alignmentGap = 15

  private func write(_ bytes: [UInt8], at offset: Int, _ window: FreshWindow) throws(ApplyError) {
    let place: TargetPlace? =
      switch window.place {
      case .virtual(let address): address.advanced(by: UInt64(offset)).map(TargetPlace.virtual)
      case .file(let start): start.advanced(by: UInt64(offset)).map(TargetPlace.file)
      }
    guard let place else { throw ApplyError(.addressNotInImage, address: window.range.start) }
    try comparison.target.write(bytes, at: place)
  }

  // MARK: Words for errors

  private func source(of extent: FreshBlock.Extent) -> OperationSource {
    OperationSource(update: extent.update, operation: extent.operation)
  }

  private func slice(_ found: [UInt8], _ extent: FreshBlock.Extent, _ window: FreshWindow) -> [UInt8] {
    let start = window.offset(of: extent)
    return Array(found[start..<start + extent.byteCount])
  }

  private func ledgerExtent(_ extent: FreshBlock.Extent, _ window: FreshWindow) -> EditLedger.Extent {
    let start: UInt64 =
      switch window.place {
      case .virtual(let address): address.rawValue
      case .file(let offset): offset.rawValue
      }
    let sides = (window.block.before(extent), window.block.after(extent))
    let isForward = window.direction == .forward
    return EditLedger.Extent(
      start: start + UInt64(window.offset(of: extent)), before: isForward ? sides.0 : sides.1, alternative: nil,
      after: isForward ? sides.1 : sides.0, isStaged: !isFile && isForward, isCompared: true,
      source: source(of: extent))
  }
}
