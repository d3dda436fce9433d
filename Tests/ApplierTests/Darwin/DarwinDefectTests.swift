import Addressing
import Journal
import Testing

@testable import Applier

/// What the simulated kernel is worth: an applier with any one defect does not get past it.
@Suite struct DarwinDefectTests {
  static let layout = SimulatedMach.layout
  let base = layout.base()

  /// Two updates, each of which overwrites code across the end of a page, a constant, and a cell.
  private func updates(_ mach: SimulatedMach, _ slide: UInt64) -> [Update] {
    let code = Self.layout.code.start.displaced(by: Int64(Self.layout.page) - 8)
    let constant = Self.layout.constants.start
    let cell = Self.layout.cells.start
    var bytes = [code, constant].map { mach.peek($0.rawValue &+ slide, 16) }
    var parent = base.digest
    var target: VirtualAddress?
    return (1...2).map { number in
      let after = [UInt8](repeating: UInt8(number), count: 16)
      let next = code.displaced(by: Int64(number))
      let operations: [Journal.Operation] = [
        .write(WriteOperation(place: .virtual(code), before: bytes[0], after: after)),
        .write(WriteOperation(place: .virtual(constant), before: bytes[1], after: after)),
        .pointer(
          PointerOperation(
            cell: cell, before: target, after: next, wordBefore: target?.rawValue ?? 0, wordAfter: next.rawValue,
            records: [])),
      ]
      bytes = [after, after]
      target = next
      let update = Update(
        number: UpdateNumber(Int64(number)), digest: SmallImage.digest(0x77 + UInt64(number)), parent: parent,
        content: UpdateContent(
          time: 0, author: "", message: "", operations: operations, atoms: [], guards: [], cursors: Self.layout.cursors)
      )
      parent = update.digest
      return update
    }
  }

  /// What is wrong after two updates were applied; empty when nothing is.
  private func wrongs(_ defect: DefectiveMach.Defect?) throws -> [String] {
    let slide: UInt64 = 0x1_0480_0000
    let mach = SimulatedMach.small(slide: slide)
    // A thread that executes in the page that is written, while nothing suspends it.
    mach.threads[0].programCounter = Self.layout.code.start.rawValue &+ slide + 0x2000
    let updates = updates(mach, slide)
    let protections = mach.protections
    let code = Self.layout.code.start.rawValue &+ slide
    do throws(ApplyError) {
      let task = try DarwinTask(attachingTo: SimulatedMach.processNumber, base: base, DefectiveMach(mach, defect))
      let target = try LiveTask(task, base: base)
      for update in updates {
        _ = try UpdateApplier(base: base).apply(
          [Step(update: update, direction: .forward)], to: update.position, on: target)
        // The program runs on between the updates.
        _ = mach.fetch(code)
        _ = mach.fetch(code + Self.layout.page)
      }
      let library = SimulatedMach.shared.start + 0x4000
      let mappings = try task.mappings()
      task.detach()
      var wrongs: [String] = []
      if mach.crash != nil { wrongs.append("the process died") }
      if mach.protections != protections { wrongs.append("pages allow something else") }
      if mach.isSuspended { wrongs.append("the task is suspended") }
      if mach.pages.contains(where: { $0.value.fetched != nil && $0.value.fetched != $0.value.contents }) {
        wrongs.append("old instructions are executed")
      }
      if mach.peek(code + Self.layout.page - 8, 16) != [UInt8](repeating: 2, count: 16) { wrongs.append("other bytes") }
      if !mappings.contains(where: { $0.range.start.rawValue == library && $0.protection == [.read, .execute] }) {
        wrongs.append("the shared region's code is not seen")
      }
      return wrongs
    } catch { return ["\(error.code)"] }
  }

  @Test func `an applier without a defect does everything right`() throws {
    #expect(try wrongs(nil) == [])
  }

  @Test("An applier with the defect fails or does harm", arguments: DefectiveMach.Defect.allCases)
  func defectsShow(defect: DefectiveMach.Defect) throws {
    let expected: [DefectiveMach.Defect: [String]] = [
      .doesNotCopy: ["taskCallFailed"], .writesWhileExecutable: ["taskCallFailed"],
      .doesNotRestore: ["processExited"], .doesNotRestoreMaximum: ["pages allow something else"],
      .slidesWrongly: ["arenaOccupied"], .doesNotRoundUp: ["taskCallFailed"], .doesNotSuspend: ["processExited"],
      .doesNotFlush: ["old instructions are executed"],
      .staysOutOfSubmaps: ["the shared region's code is not seen"], .resumesTwice: ["taskCallFailed"],
    ]
    let found = try wrongs(defect)
    #expect(found == expected[defect])
  }
}
