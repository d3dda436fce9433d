import ObjectFile
import Testing

/// Images of which no prepared one is made, and why.
struct `Mach-O images that are not prepared` {
  private func refusal(_ specimen: Specimen?) async throws -> ObjectFileError? {
    let file = try await #require(specimen).machO()
    return #expect(throws: ObjectFileError.self) {
      try MachOPreparedImage(preparing: file, request: PreparedMachO.request)
    }
  }

  @Test func `have too little room for load commands; the flag that makes room is named`() async throws {
    let error = try await refusal(Specimen.machOLinked.first)
    #expect(error?.code == .noRoomForCommands)
    #expect(error?.description.contains("-Wl,-headerpad,0x400") == true)
    #expect(error?.description.contains("of load commands are added, and there are 32 before") == true)
  }

  @Test func `are objects, libraries, or prepared already`() async throws {
    #expect(try await refusal(Specimen.machOObjects.first)?.code == .notAdoptable)
    #expect(try await refusal(Specimen.machOLinked.first { $0.name.contains("-dylib") })?.code == .notAdoptable)
    let prepared = try await PreparedMachO(#require(Specimen.machOPreparable.first))
    let error = #expect(throws: ObjectFileError.self) {
      try MachOPreparedImage(preparing: prepared.file, request: PreparedMachO.request)
    }
    #expect(error?.code == .alreadyPrepared)
  }

  @Test func `would be out of reach`() async throws {
    let file = try await #require(Specimen.machOPreparable.first).machO()
    for change: (inout MachOArenaRequest) -> Void in [{ $0.gap = 0x8000_0000 }, { $0.codeByteCount = 1 << 33 }] {
      var request = PreparedMachO.request
      change(&request)
      let error = #expect(throws: ObjectFileError.self) { try MachOPreparedImage(preparing: file, request: request) }
      #expect(error?.code == .outOfReach)
    }
  }

  @Test func `have something behind __LINKEDIT`() async throws {
    let file = try await #require(Specimen.machOPreparable.first).machO()
    let longer = try MachOFile(MappedFile(bytes: file.view.allBytes + [1], name: "longer"))
    let error = #expect(throws: ObjectFileError.self) {
      try MachOPreparedImage(preparing: longer, request: PreparedMachO.request)
    }
    #expect(error?.code == .notAdoptable)
  }
}
