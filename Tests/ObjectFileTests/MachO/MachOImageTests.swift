import ObjectFile
import Testing

/// What an image says of itself beside its tables.
struct `Facts of a Mach-O image` {
  private func file(_ name: String) async throws -> MachOFile {
    try await #require(Specimen.machO.first { $0.name.hasPrefix(name) }).machO()
  }

  @Test(arguments: ["ld64.lld arm64 -fixup", "ld64.lld x86_64 -no_fixup", "zig cc aarch64", "zig cc x86_64"])
  func `its entry is main`(_ name: String) async throws {
    let file = try await file(name)
    let table = try #require(try file.symbolTable())
    let main = try #require(table.first { table.nameMatches($0, "_main") })
    #expect(try file.entry()?.rawValue == main.value)
    #expect(file.section(containing: .init(main.value))?.name == "__text")
  }

  /// The symbol `__mh_execute_header` of this linker leads elsewhere.
  @Test func `its header is mapped where the first bytes of the file are`() async throws {
    for specimen in Specimen.machOIncremental {
      #expect(try await specimen.machO().headerAddress?.rawValue == 0x1_0000_0000)
    }
    #expect(try await file("ld64.lld arm64 -dylib").headerAddress?.rawValue == 0)
    #expect(try await file("clang arm64").headerAddress == nil)
  }

  @Test func `its bytes are found by address, and addresses by place`() async throws {
    let file = try await file("zig 0.10 aarch64")
    for section in file.sections where !section.type.isZeroFill {
      #expect(file.fileOffset(of: section.address) == section.fileOffset)
      #expect(file.virtualAddress(of: section.fileOffset) == section.address)
      let bytes = try file.bytes(at: section.address, count: section.byteCount)
      #expect(bytes.hasSameBytes(as: try file.contents(of: section)))
    }
    #expect(file.fileOffset(of: .init(0x1000)) == nil)
    #expect { try file.bytes(at: .init(0x1000), count: 1) } throws: {
      ($0 as? ObjectFileError)?.code == .unmappedAddress
    }
  }

  @Test func `an object has no entry, an image no second set of fixups`() async throws {
    #expect(try await file("clang arm64").entry() == nil)
    #expect(try await file("ld64.lld arm64 -fixup").loaderInfo() == nil)
    #expect(try await file("ld64.lld arm64 -no_fixup").linkEditData(.chainedFixups) == nil)
  }
}
