import Addressing
import Journal

/// Gathers the net effect of steps, one after the other, for one nature of target.
struct PlanBuilder {
  let base: BaseImage
  let nature: TargetNature
  /// Cells that the steps set in a task, ascending: bytes written around them leave them out.
  let cellAddresses: [VirtualAddress]
  /// Between updates of an observed image the same bytes may be code once and a cell another time. Where nothing slides a
  /// pointer is the file's word, and several updates' net effect is taken of bytes.
  let takesPointersForBytes: Bool

  var edits = EditLedger()
  var cells = CellLedger()
  var maps: [MapOperation] = []
  var protections: [ProtectOperation] = []
  var guards: [PlannedGuard] = []
  var resize: ResizeOperation?
  var initials: [VirtualAddress?: InitialLedger] = [:]
  /// Of the update whose operations are being added.
  private(set) var observation: Observation?
  private var knownGuards: Set<GuardedRangeKey> = []
  private var knownMaps: Set<MapOperation> = []
  private var knownProtections: Set<ProtectOperation> = []

  init(base: BaseImage, nature: TargetNature, steps: [Step]) {
    self.base = base
    self.nature = nature
    let addresses = steps.lazy.flatMap(\.update.content.operations).compactMap(\.coveredCell)
    takesPointersForBytes = !base.isPrepared && !base.isPositionIndependent && steps.count > 1
    cellAddresses = nature == .file || takesPointersForBytes ? [] : Set(addresses).sorted()
  }

  mutating func add(_ step: Step) throws(ApplyError) {
    observation = step.update.content.observation
    for (index, operation) in step.directedOperations {
      let context = StepContext(
        source: OperationSource(
          update: step.update.number, operation: step.stretch == nil ? index : OperationSource.operationOfMany),
        direction: step.direction)
      do throws(ApplyError) {
        try add(operation, context)
      } catch {
        var error = error.located(context.source)
        if error.code == .variableMoved {
          error.symbol = step.update.content.atoms.first { $0.before?.body.start == error.address }?.atom.name
        }
        throw error
      }
    }
    addGuards(of: step)
  }

  func initialGroups() -> [InitialGroup] {
    initials.sorted { ($0.key?.rawValue ?? 0) < ($1.key?.rawValue ?? 0) }.map { flag, ledger in
      InitialGroup(flag: flag, edits: ledger.edits.extents, cells: ledger.cells.cells)
    }
  }

  private mutating func add(_ operation: Operation, _ context: StepContext) throws(ApplyError) {
    switch operation {
    case .write(let write): try add(write, context)
    case .pointer(let pointer): try add(pointer, context)
    case .bind(let bind): try add(bind, context)
    case .resize(let next): try add(next)
    case .map(let map):
      if nature != .file, map.isMappedAfter, knownMaps.insert(map).inserted { maps.append(map) }
    case .protect(let protect):
      if knownProtections.insert(protect).inserted { protections.append(protect) }
    }
  }

  private mutating func add(_ next: ResizeOperation) throws(ApplyError) {
    guard nature == .file else { return }
    guard let before = resize else {
      resize = next
      return
    }
    guard before.after == next.before else { throw ApplyError(.operationsConflict, detail: "sizes of the file") }
    resize = ResizeOperation(before: before.before, after: next.after)
  }

  private mutating func addGuards(of step: Step) {
    guard nature != .file else { return }
    for wanted in step.update.content.guards {
      switch (wanted.direction, step.direction) {
      case (.both, _), (.forward, .forward), (.backward, .backward): break
      case (.forward, .backward), (.backward, .forward): continue
      }
      guard knownGuards.insert(GuardedRangeKey(range: wanted.range, reach: wanted.reach)).inserted else { continue }
      guards.append(
        PlannedGuard(
          range: wanted.range, reach: wanted.reach, isConservative: wanted.reason.isOfOverwritten,
          reason: wanted.reason, function: wanted.function, update: step.update.number))
    }
  }
}

// MARK: - Bytes and cells

extension PlanBuilder {
  private mutating func add(_ write: WriteOperation, _ context: StepContext) throws(ApplyError) {
    guard let start = try position(of: write.place, count: write.after.count) else { return }
    let edit = EditLedger.Edit(
      start: start, before: write.before, after: write.after, mode: mode(write.isFresh, context),
      source: context.source, acceptsAnything: !base.isPrepared)
    if nature == .file {
      try edits.record(edit)
    } else if let initial = write.initial, !isBeforeFirstInstruction {
      // A running task's flag is set by whoever writes the value, after it.
      var isFlag = false
      if case .new(let flag) = initial { isFlag = nature == .task(.running) && write.place == .virtual(flag) }
      try changeInitial(initial, context.direction) { (ledger) throws(ApplyError) in
        if !isFlag { try ledger.record(edit) }
      }
    } else {
      try addAroundCells(edit)
    }
  }

  /// Bytes of a task that operations of these steps set as cells are not the file's bytes there: they go to the cells.
  private mutating func addAroundCells(_ edit: EditLedger.Edit) throws(ApplyError) {
    let end = edit.start + UInt64(edit.after.count)
    var position = edit.start
    for cell in cellAddresses[firstCell(endingAfter: position)...].prefix(while: { $0.rawValue < end }) {
      guard cell.rawValue >= position, cell.rawValue + 8 <= end else {
        throw ApplyError(.operationsConflict, address: cell, detail: "a write covers a part of a cell")
      }
      try edits.record(edit.part(from: position, to: cell.rawValue))
      let part = edit.part(from: cell.rawValue, to: cell.rawValue + 8)
      try cells.record(
        CellLedger.Edit(
          cell: cell, before: .word(UInt64(littleEndianBytes: part.before)),
          after: .word(UInt64(littleEndianBytes: part.after)), mode: edit.mode, source: edit.source))
      position = cell.rawValue + 8
    }
    try edits.record(edit.part(from: position, to: end))
  }

  private func firstCell(endingAfter position: UInt64) -> Int {
    cellAddresses.partitioningIndex { $0.rawValue + 8 > position }
  }

  /// Nothing of an observed program has run yet: its memory is its image, variables included.
  private var isBeforeFirstInstruction: Bool { nature == .task(.atEntry) && !base.isPrepared }

  private mutating func add(_ pointer: PointerOperation, _ context: StepContext) throws(ApplyError) {
    let words = (before: pointer.wordBefore, after: pointer.wordAfter)
    if nature == .file || takesPointersForBytes { return try addWord(pointer.cell, words, pointer.records, context) }
    let edit = CellLedger.Edit(
      cell: pointer.cell, before: CellValue(pointer.before), after: CellValue(pointer.after),
      mode: mode(pointer.isFresh, context), source: context.source)
    try add(edit, pointer.initial, context)
  }

  private mutating func add(_ bind: BindOperation, _ context: StepContext) throws(ApplyError) {
    let words = (before: bind.wordBefore, after: bind.wordAfter)
    if nature == .file { return try addWord(bind.cell, words, bind.records, context) }
    // Where nothing is bound afterwards nothing reaches the cell: it may keep what the loader or an update put there.
    let edit = CellLedger.Edit(
      cell: bind.cell, before: nil, after: bind.after.map(CellValue.imported) ?? .word(bind.wordAfter),
      mode: bind.after == nil ? .kept : mode(bind.isFresh, context), source: context.source,
      undoing: bind.before.map(CellValue.imported))
    try add(edit, bind.initial, context)
  }

  private mutating func add(
    _ edit: CellLedger.Edit, _ initial: InitialRoom?, _ context: StepContext
  ) throws(ApplyError) {
    _ = try position(of: .virtual(edit.cell), count: 8)
    guard edit.cell.rawValue % 8 == 0 else {
      throw ApplyError(.operationsConflict, address: edit.cell, detail: "a cell must be aligned to 8")
    }
    if let initial, !isBeforeFirstInstruction {
      try changeInitial(initial, context.direction) { (ledger) throws(ApplyError) in try ledger.record(edit) }
    } else {
      try cells.record(edit)
    }
  }

  private mutating func addWord(
    _ cell: VirtualAddress, _ words: (before: UInt64, after: UInt64), _ records: [FileEdit], _ context: StepContext
  ) throws(ApplyError) {
    if let start = try position(of: .virtual(cell), count: 8) {
      try edits.record(
        EditLedger.Edit(
          start: start, before: words.before.littleEndianBytes, after: words.after.littleEndianBytes, mode: .exact,
          source: context.source))
    }
    for record in records {
      guard let start = try position(of: .file(record.offset), count: record.after.count) else { continue }
      try edits.record(
        EditLedger.Edit(
          start: start, before: record.before, after: record.after, mode: .exact, source: context.source))
    }
  }

  private func mode(_ isFresh: Bool, _ context: StepContext) -> EditLedger.Mode {
    guard nature != .file, isFresh else { return .exact }
    return context.direction == .forward ? .fresh : .kept
  }
}

private struct GuardedRangeKey: Hashable {
  var range: AddressRange
  var reach: Guard.Reach
}

/// Where in the steps an operation stands.
private struct StepContext {
  var source: OperationSource
  var direction: Direction
}

extension Operation {
  /// The cell that the operation sets in a task, unless it is a variable's own.
  fileprivate var coveredCell: VirtualAddress? {
    switch self {
    case .pointer(let pointer): pointer.initial == nil ? pointer.cell : nil
    case .bind(let bind): bind.initial == nil ? bind.cell : nil
    case .write, .resize, .map, .protect: nil
    }
  }
}

extension EditLedger.Edit {
  fileprivate func part(from lower: UInt64, to upper: UInt64) -> EditLedger.Edit {
    let range = Int(lower - start)..<Int(upper - start)
    return EditLedger.Edit(
      start: lower, before: Array(before[range]), after: Array(after[range]), mode: mode, source: source,
      acceptsAnything: acceptsAnything)
  }
}
