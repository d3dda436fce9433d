import Addressing
import Journal

/// What a cell of a task holds, before the slide is known.
enum CellValue: Hashable, Sendable {
  /// The bytes themselves, little-endian; 0 is null.
  case word(UInt64)
  case address(VirtualAddress)
  case imported(ImportedSymbol)

  init(_ target: VirtualAddress?) { self = target.map(Self.address) ?? .word(0) }
}

/// The net effect of pointer and bind operations on the cells of a task.
struct CellLedger {
  struct Edit {
    var cell: VirtualAddress
    /// Nil where a loader may have filled the cell: not compared.
    var before: CellValue?
    var after: CellValue
    var mode: EditLedger.Mode
    var source: OperationSource
    /// What takes the edit back where `before` does not say so: the symbol that was bound.
    var undoing: CellValue?
  }

  struct Cell: Hashable, Sendable {
    var address: VirtualAddress
    /// Not where a loader may have filled it, nor where nobody reaches it: there it holds null, or what any update gave
    /// it that was since rolled back.
    var isCompared: Bool
    /// What is to be found, and takes the cell back; nil where it may stay as it is.
    var before: CellValue?
    /// Nil where the cell is left as it is.
    var after: CellValue?
    var isStaged: Bool
    var source: OperationSource
  }

  private var cellsByAddress: [VirtualAddress: Cell] = [:]

  var cells: [Cell] { cellsByAddress.values.sorted { $0.address < $1.address } }

  mutating func record(_ edit: Edit) throws(ApplyError) {
    guard var cell = cellsByAddress[edit.cell] else {
      cellsByAddress[edit.cell] = newCell(of: edit)
      return
    }
    if let left = cell.after, let before = edit.before, !agree(left, before, edit) {
      throw ApplyError(
        .operationsConflict, update: edit.source.update, operation: edit.source.operation, address: edit.cell)
    }
    if edit.mode != .kept { cell.after = edit.after }
    cellsByAddress[edit.cell] = cell
  }

  /// Takes out the cells of a range that other bytes now fill.
  mutating func forget(from start: UInt64, count: Int) {
    for address in cellsByAddress.keys where address.rawValue >= start {
      if address.rawValue - start < UInt64(count) { cellsByAddress[address] = nil }
    }
  }

  private func newCell(of edit: Edit) -> Cell {
    Cell(
      address: edit.cell, isCompared: edit.before != nil && (edit.mode == .exact || edit.mode == .kept),
      before: edit.undoing ?? edit.before, after: edit.mode == .kept ? nil : edit.after, isStaged: edit.mode == .fresh,
      source: edit.source)
  }

  /// Whether what the edits so far left is what the next one expects. Words that came from a write of the bytes around
  /// the cell are the file's words, which need not be what a loader makes of them.
  private func agree(_ left: CellValue, _ before: CellValue, _ edit: Edit) -> Bool {
    if edit.mode == .unchecked || left == before { return true }
    if edit.mode == .fresh, left == edit.after { return true }
    switch (left, before) {
    case (.word, _), (_, .word): return true
    case (.imported, _), (_, .imported): return true
    case (.address, .address): return false
    }
  }
}
