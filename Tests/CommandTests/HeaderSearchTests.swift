import Applier
import Foundation
import Journal
import Testing

@testable import hcs_journal

/// Where a target stands, told by its header, and by its bytes where the header is gone or lies.
@Suite struct HeaderSearchTests {
  private let history: SmallHistory

  init() throws { history = try SmallHistory() }

  private func search() throws -> HeaderSearch {
    HeaderSearch(
      store: history.store, applier: UpdateApplier(base: history.store.base), target: try history.target())
  }

  private func standing() throws -> (TargetStanding, String?) {
    let (standing, lost) = try search().standing()
    return (standing, lost?.word)
  }

  private static let emptyHeader = [UInt8](repeating: 0, count: TargetHeader.byteCount)

  @Test(arguments: 0...4) func `a header that is whole is believed, whatever else the journal holds`(number: Int) throws
  {
    try history.move(to: number)
    #expect(try standing() == (.at(history.position(number)), nil))
  }

  @Test(arguments: 1...4) func `a wiped header is found out by what the target holds`(number: Int) throws {
    try history.move(to: number)
    try history.overwriteHeader(Self.emptyHeader)
    #expect(try standing() == (.at(history.position(number)), "missing"))
  }

  @Test func `a file without header that holds no update's bytes is the base image`() throws {
    try history.overwriteHeader(Self.emptyHeader)
    #expect(try standing() == (.at(history.position(0)), nil))
  }

  @Test(arguments: 1...4) func `a damaged header is told from a wiped one`(number: Int) throws {
    try history.move(to: number)
    try history.overwriteHeader([UInt8](repeating: 0xFF, count: TargetHeader.byteCount))
    #expect(try standing() == (.at(history.position(number)), "damaged"))
  }

  @Test func `a header of an update that the journal does not have is not believed`() throws {
    try history.move(to: 2)
    let base = history.store.base.digest
    let unknown = TargetHeader(
      base: base, position: TargetHeader.Position(digest: Digest.sha256(of: [9]), number: UpdateNumber(7)))
    try history.overwriteHeader(unknown.encoded())
    #expect(try standing() == (.at(history.position(2)), "unknown"))
  }

  @Test func `bytes of no update are not taken for one, and the header's own fault is told`() throws {
    try history.move(to: 3)
    try history.overwrite([1, 2, 3], at: SmallHistory.fileOffset(ofRoom: 0))
    #expect(try search().search() == nil)
    try history.overwriteHeader([UInt8](repeating: 0xFF, count: TargetHeader.byteCount))
    let error = #expect(throws: ApplyError.self) { try search().standing() }
    #expect(error?.code == .fileMalformed)
    let unknown = TargetHeader(
      base: history.store.base.digest,
      position: TargetHeader.Position(digest: Digest.sha256(of: [9]), number: UpdateNumber(7)))
    try history.overwriteHeader(unknown.encoded())
    #expect(throws: ApplyError.self) { try search().standing() }
  }

  @Test func `a header of another update than the bytes are of is found out by the search`() throws {
    try history.move(to: 4)
    let header = TargetHeader(base: history.store.base.digest, position: history.position(1))
    try history.overwriteHeader(header.encoded())
    #expect(try standing() == (.at(history.position(1)), nil))
    #expect(try search().search() == history.position(4))
  }
}
