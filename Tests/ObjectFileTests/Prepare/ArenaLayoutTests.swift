import ObjectFile
import Testing

struct ArenaLayoutTests {
  private func layouts() throws -> [ELFArenaLayout] {
    let fixed = try ["-pie", "-static -no-pie", "-static-pie", "-pie -Wl,--hash-style=both"].map { try layout($0) }
    return try fixed + ["-pie", "-static -no-pie"].map { try layout($0, .growingForTests) }
  }

  private func layout(_ flags: String, _ request: ELFArenaRequest = .forTests) throws -> ELFArenaLayout {
    try PreparedSpecimen(Link("gcc \(flags)").command, source: stateProgram, request: request).image.layout
  }

  @Test func `a layout is read back as it was written`() throws {
    for layout in try layouts() {
      #expect(ELFArenaLayout(encoded: layout.encoded) == layout)
    }
  }

  @Test func `no other bytes are a layout`() throws {
    for layout in try layouts() {
      let bytes = layout.encoded
      for count in 0..<bytes.count { #expect(ELFArenaLayout(encoded: Array(bytes.prefix(count))) == nil) }
      #expect(ELFArenaLayout(encoded: bytes + [0]) == nil)
      for index in bytes.indices {
        for value: UInt8 in [0xFF, bytes[index] ^ 0x40] {
          var damaged = bytes
          damaged[index] = value
          let read = ELFArenaLayout(encoded: damaged)
          #expect(read == nil || read?.encoded == damaged)
        }
      }
    }
  }
}
