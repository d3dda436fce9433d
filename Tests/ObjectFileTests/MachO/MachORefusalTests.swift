import ObjectFile
import Testing

/// Mach-O files of kinds that are not handled: each is refused, and told apart from damage.
struct `Mach-O files that are refused` {
  struct Case: Sendable, CustomTestStringConvertible {
    let what: String
    let code: ObjectFileError.Code
    /// Of the text.
    let says: String
    let change: @Sendable (inout [UInt8]) -> Void
    var testDescription: String { what }

    init(
      _ what: String, _ code: ObjectFileError.Code, says: String, _ change: @escaping @Sendable (inout [UInt8]) -> Void
    ) {
      (self.what, self.code, self.says, self.change) = (what, code, says, change)
    }
  }

  static let cases = [
    Case("a fat file", .severalArchitectures, says: "llvm-lipo -thin") { $0.store([0xCA, 0xFE, 0xBA, 0xBE], at: 0) },
    Case("a fat file of 64 bits", .severalArchitectures, says: "several") {
      $0.store([0xCA, 0xFE, 0xBA, 0xBF], at: 0)
    },
    Case("a 32-bit file", .unsupportedClass, says: "32-bit") { $0.store([0xCE, 0xFA, 0xED, 0xFE], at: 0) },
    Case("a big-endian file", .unsupportedByteOrder, says: "big-endian") { $0.store([0xFE, 0xED, 0xFA, 0xCF], at: 0) },
    Case("an ELF file", .notMachO, says: "it is an ELF file") { $0.store(Array("\u{7F}ELF".utf8), at: 0) },
    Case("an archive", .notMachO, says: "name its members") { $0.store(Array("!<arch>\n".utf8), at: 0) },
    Case("bitcode", .notMachO, says: "-flto") { $0.store([0x42, 0x43, 0xC0, 0xDE], at: 0) },
    Case("nothing", .notMachO, says: "it is empty") { $0 = [] },
    Case("arm64e", .pointerAuthentication, says: "build with -arch arm64") { $0.store([2, 0, 0, 0x80], at: 8) },
    Case("arm64_32", .unsupportedMachine, says: "arm64_32") { $0.store([12, 0, 0, 2], at: 4) },
    Case("PowerPC", .unsupportedMachine, says: "cputype 0x1000012") { $0.store([0x12, 0, 0, 1], at: 4) },
    Case("a bundle", .unsupportedFileType, says: "MH_BUNDLE") { $0.store([8, 0, 0, 0], at: 12) },
    Case("debug information alone", .unsupportedFileType, says: "MH_DSYM") { $0.store([10, 0, 0, 0], at: 12) },
    Case("a kernel extension", .unsupportedFileType, says: "MH_KEXT_BUNDLE") { $0.store([11, 0, 0, 0], at: 12) },
    Case("a part of the shared cache", .unsupportedFileType, says: "MH_DYLIB_IN_CACHE") { $0[27] |= 0x80 },
    Case("encrypted code", .encrypted, says: "cryptid 1") {
      // struct encryption_info_command_64 is as long as struct uuid_command.
      let at = $0.command(0x1B)
      $0.store([0x2C, 0, 0, 0], at: at)
      $0.store([1, 0, 0, 0], at: at + 16)
    },
    Case("an encrypted segment", .encrypted, says: "__TEXT") {
      let at = $0.command(0x19, after: 1) + 68
      $0[at] |= 8
    },
    Case("a command that the loader must know", .unsupportedLoadCommand, says: "load command 0x80000099") {
      $0.store([0x99, 0, 0, 0x80], at: $0.command(0x1B))
    },
    Case("a part of a set of files", .unsupportedLoadCommand, says: "LC_FILESET_ENTRY") {
      $0.store([0x35, 0, 0, 0x80], at: $0.command(0x1B))
    },
    Case("two symbol tables", .duplicateTable, says: "a second load command 0x2") {
      $0.store([2, 0, 0, 0], at: $0.command(0x1B))
    },
    Case("a load command of no length", .malformedTable, says: "cmdsize 0") { $0.store([0, 0, 0, 0], at: 36) },
    Case("more load commands than there is room for", .truncated, says: "load command") { $0[18] = 0xFF },
    Case("segments that share addresses", .overlappingSegments, says: "__TEXT and __DATA") {
      // The address of the third is that of the second.
      let text = $0.command(0x19, after: 1)
      let address = Array($0[text + 24..<text + 32])
      $0.store(address, at: $0.command(0x19, after: 2) + 24)
    },
    Case("a segment behind the end", .truncated, says: "ends behind the file") {
      $0.store([0xFF, 0xFF, 0xFF, 0x7F], at: $0.command(0x19, after: 1) + 40)
    },
    Case("a segment around the end of the address space", .addressWrapsAround, says: "__TEXT") {
      $0.store([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], at: $0.command(0x19, after: 1) + 24)
    },
    Case("a section outside of its segment", .malformedTable, says: "it leaves its segment") {
      $0.store([0, 0, 0, 0, 0, 0, 0, 0], at: $0.command(0x19, after: 1) + 72 + 32)
    },
    Case("a section whose bytes stand elsewhere", .malformedTable, says: "is not that of its address") {
      let at = $0.command(0x19, after: 1) + 72 + 48
      $0[at] ^= 4
    },
  ]

  @Test(arguments: cases) func `are told by name`(_ change: Case) async throws {
    let image = try #require(Specimen.machOLinked.first)
    var bytes = try await image.machO().view.allBytes
    change.change(&bytes)
    let error = #expect(throws: ObjectFileError.self) {
      try MachOFile(MappedFile(bytes: bytes, name: "changed"))
    }
    let text = error?.description ?? ""
    #expect(error?.code == change.code, "\(text)")
    #expect(text.contains(change.says), "\(text)")
    #expect(!text.contains("readelf"), "\(text)")
  }

  @Test func `so are relocations with signed pointers, and scattered ones`() async throws {
    let specimen = try #require(Specimen.machOObjects.first { $0.name.contains("arm64.s") })
    let file = try await specimen.machO()
    let section = try #require(file.section(named: "__data", in: "__DATA"))
    func read(_ index: Int, _ byte: UInt8) throws -> [MachORelocation] {
      var bytes = file.view.allBytes
      bytes[Int(section.relocationOffset.rawValue) + index] = byte
      return try MachOFile(MappedFile(bytes: bytes, name: "changed")).relocations(of: section)
    }
    // ARM64_RELOC_AUTHENTICATED_POINTER in the high half of the last byte; R_SCATTERED in the high bit of the fourth.
    #expect { try read(7, 0xBE) } throws: { ($0 as? ObjectFileError)?.code == .pointerAuthentication }
    #expect { try read(3, 0x80) } throws: { ($0 as? ObjectFileError)?.code == .unsupportedRelocation }
  }
}

extension [UInt8] {
  fileprivate mutating func store(_ bytes: [UInt8], at offset: Int) {
    replaceSubrange(offset..<offset + bytes.count, with: bytes)
  }

  /// Where a load command of a kind stands; `after` says how many of it come first.
  fileprivate func command(_ kind: UInt8, after count: Int = 0) -> Int {
    var (at, left) = (32, count)
    while at + 8 < self.count {
      if self[at] == kind, self[at + 3] == 0 {
        if left == 0 { return at }
        left -= 1
      }
      at += Swift.max(8, Int(self[at + 4]) | Int(self[at + 5]) << 8)
    }
    return 0
  }
}
