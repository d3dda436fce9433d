import Addressing
import Journal

/// What the first values of one variable come to.
struct InitialLedger {
  var edits = EditLedger()
  var cells = CellLedger()

  mutating func record(_ edit: EditLedger.Edit) throws(ApplyError) {
    cells.forget(from: edit.start, count: edit.after.count)
    var edit = edit
    edit.mode = .unchecked
    try edits.record(edit)
  }

  mutating func record(_ edit: CellLedger.Edit) throws(ApplyError) {
    var edit = edit
    if edit.mode != .kept { edit.mode = .unchecked }
    try cells.record(edit)
  }
}
