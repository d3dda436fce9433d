import Addressing
import Journal
import Testing

@testable import Applier
@testable import hcs_journal

/// Whose body a thread is in that does not execute the newest one.
@Suite struct OldBodiesTests {
  private let history: SmallHistory

  init() throws { history = try SmallHistory() }

  private func code(at number: Int, from origin: Int) throws -> SupersededCode {
    try OldBodies(history.store, at: history.digest(number), from: history.digest(origin)).code
  }

  /// A process whose rooms hold bodies of these fillings.
  private func memory(_ fillings: [UInt64: UInt8]) -> SupersededCode.Memory {
    { range in
      fillings.first { SmallHistory.room($0.key) == range }.map { SmallHistory.bytes($0.value) }
    }
  }

  /// `work of 2` for a body that update 2 placed.
  private func body(
    _ code: SupersededCode, _ address: VirtualAddress, _ fillings: [UInt64: UInt8]
  ) -> String? {
    code.body(address, memory(fillings)).map { "\($0.function) of \($0.update.rawValue)" }
  }

  private func inside(_ index: UInt64) -> VirtualAddress { SmallHistory.room(index).start.displaced(by: 8) }

  @Test func `looked at is what functions have left of the image, and what no current body takes of the arena`() throws
  {
    let code = try code(at: 2, from: 1)
    #expect(
      code.parts == [
        .init(range: SmallHistory.baseBody, beginsWithEntryStub: true),
        .init(range: SmallHistory.room(0)),
        .init(range: SmallHistory.room(2)),
      ])
    #expect(try self.code(at: 0, from: 3).parts == [.init(range: SmallHistory.range(SmallHistory.arenaStart, 192))])
  }

  @Test func `a thread in the image's own body is told with the function, and one at its entry stub is not`() throws {
    let code = try code(at: 2, from: 0)
    let start = SmallHistory.baseBody.start
    #expect(body(code, start.displaced(by: 8), [:]) == "work of 0")
    #expect(code.body(start.displaced(by: 8), memory([:]))?.beginsWithEntryStub == true)
    #expect(body(code, inside(0), [0: 0xA1, 1: 0xA2]) == "work of 1")
    #expect(body(code, inside(1), [0: 0xA1, 1: 0xA2]) == nil)
  }

  @Test func `of a room that was used twice the body is told that the process has`() throws {
    let code = try code(at: 3, from: 2)
    // Once the update has been applied nobody is left in the first body.
    #expect(body(code, inside(0), [0: 0xA3, 1: 0xA2]) == nil)
    #expect(body(code, inside(0), [0: 0xA1, 1: 0xA2]) == "work of 1")
    #expect(body(code, inside(1), [0: 0xA3, 1: 0xA2]) == "work of 2")
  }

  @Test func `a body of the update that a process has come back from is told`() throws {
    let code = try code(at: 1, from: 2)
    #expect(body(code, inside(1), [0: 0xA1, 1: 0xA2]) == "work of 2")
    #expect(body(code, inside(0), [0: 0xA1, 1: 0xA2]) == nil)
  }

  @Test func `a body of another branch is told to a process that was there`() throws {
    let code = try code(at: 3, from: 4)
    #expect(body(code, inside(2), [0: 0xA3, 1: 0xA2, 2: 0xA4]) == "work of 4")
  }

  @Test func `where nobody ever placed a body nobody is told`() throws {
    let code = try code(at: 2, from: 1)
    #expect(body(code, VirtualAddress(SmallHistory.arenaStart + 0x800), [:]) == nil)
  }
}
