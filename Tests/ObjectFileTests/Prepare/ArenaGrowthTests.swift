import Addressing
import Foundation
import ObjectFile
import Testing

/// What the arena grows by: addresses from the start, bytes of the file afterwards.
@Suite struct ArenaGrowthTests {
  private func specimen(_ flags: String) throws -> PreparedSpecimen {
    try PreparedSpecimen(Link("gcc \(flags)").command, source: stateProgram, request: .growingForTests)
  }

  /// What an update does that grows the arena.
  private func grow(_ specimen: PreparedSpecimen) throws {
    let layout = specimen.image.layout
    let growth = try #require(layout.growth)
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: specimen.prepared))
    try file.truncate(atOffset: growth.fileByteCount)
    try file.close()
    try specimen.apply(growth.segmentEdits() + growth.sectionEdits())
  }

  private static let links = ["-pie", "-no-pie", "-static", "-static-pie"]

  @Test(arguments: links) func `the image has the addresses from the start, and no bytes for them`(
    flags: String
  ) throws {
    let specimen = try specimen(flags)
    let layout = specimen.image.layout
    let growth = try #require(layout.growth)
    #expect(growth.code.range.start == layout.code.range.end)
    #expect(growth.constants.range.start == layout.constants.range.end)
    #expect(growth.data.range.start == layout.writable.range.end)
    #expect(growth.data.range.end.rawValue > growth.constants.range.end.rawValue)
    #expect(growth.code.fileOffset.rawValue == layout.fileByteCount)
    let file = try ELFFile(MappedFile(path: specimen.prepared))
    for part in growth.parts {
      let segment = try #require(file.segments.first { $0.type == .load && $0.range == part.range })
      #expect(segment.protection.isEmpty)
      #expect(segment.fileOffset.rawValue + segment.fileByteCount <= UInt64(file.view.count))
    }
    let complaints = try specimen.newComplaints()
    #expect(complaints == "")
    #expect(try Launch(specimen.prepared, ["x"]) == Launch(specimen.original, ["x"]))
  }

  @Test(arguments: links) func `the grown image has room where it had addresses, and runs as before`(
    flags: String
  ) throws {
    let specimen = try specimen(flags)
    let before = try Data(contentsOf: URL(fileURLWithPath: specimen.prepared))
    try grow(specimen)
    let growth = try #require(specimen.image.layout.growth)
    let file = try ELFFile(MappedFile(path: specimen.prepared))
    let wanted: [PageProtection] = [[.read, .execute], .read, [.read, .write]]
    for (part, protection) in zip(growth.parts, wanted) {
      let segment = try #require(file.segments.first { $0.type == .load && $0.range == part.range })
      #expect(segment.protection == protection)
      #expect(segment.fileOffset == part.fileOffset)
      let section = try #require(file.sections.first { $0.address == part.range.start && $0.byteCount > 0 })
      #expect(section.byteCount == part.range.byteCount)
    }
    #expect(growth.fileByteCount == UInt64(file.view.count))
    let complaints = try specimen.newComplaints()
    #expect(complaints == "")
    #expect(try Launch(specimen.prepared, ["x"]) == Launch(specimen.original, ["x"]))
    // And back.
    let edits = growth.segmentEdits() + growth.sectionEdits()
    try specimen.apply(edits.map { FileEdit(offset: $0.offset, before: $0.after, after: $0.before) })
    let back = try FileHandle(forUpdating: URL(fileURLWithPath: specimen.prepared))
    try back.truncate(atOffset: specimen.image.layout.fileByteCount)
    try back.close()
    #expect(try Data(contentsOf: URL(fileURLWithPath: specimen.prepared)) == before)
  }

  @Test func `a part longer than the tables makes their segment as long`() throws {
    var request = ELFArenaRequest.growingForTests
    request.growth?.codeByteCount = 1 << 24
    let specimen = try PreparedSpecimen(Link("gcc -pie").command, source: stateProgram, request: request)
    let layout = specimen.image.layout
    #expect(layout.tables.range.byteCount >= 1 << 24)
    let complaints = try specimen.newComplaints()
    #expect(complaints == "")
    #expect(try Launch(specimen.prepared, ["x"]) == Launch(specimen.original, ["x"]))
  }

  @Test func `an arena whose growth is out of reach is refused`() throws {
    var request = ELFArenaRequest.growingForTests
    request.growth?.codeByteCount = 1 << 30
    #expect { try PreparedSpecimen(Link("gcc -pie").command, source: stateProgram, request: request) } throws: {
      ($0 as? ObjectFileError)?.code == .outOfReach
    }
  }
}
