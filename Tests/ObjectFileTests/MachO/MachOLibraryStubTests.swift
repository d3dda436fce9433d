import Foundation
import ObjectFile
import Testing

/// What SDKs say of libraries, read and refused.
struct `Text-based stubs of libraries` {
  private static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../Fuzz/Corpus/macho/stub").standardizedFileURL.path

  private static func stubs(_ text: String, _ machine: MachOMachine = .arm64) throws -> [MachOLibraryStub] {
    try MachOLibraryStub.all(in: MappedFile(bytes: Array(text.utf8), name: "lib.tbd"), for: machine)
  }

  private static func text() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  @Test func `exports are told by machine and kind, and what is passed on by name`() throws {
    let arm = try Self.stubs(Self.text())
    #expect(arm.map(\.name) == ["/usr/lib/libSystem.B.dylib", "/usr/lib/system/libsystem_c.dylib"])
    #expect(arm[0].reexports == ["/usr/lib/system/libsystem_c.dylib"])
    #expect(
      ["_getpid", "_environ", "__Znwm", "_OBJC_CLASS_$_NSObject"].allSatisfy { arm[0].export(named: $0) == .ordinary })
    #expect(arm[0].export(named: "_each") == .threadLocal)
    #expect(arm[0].export(named: "_puts") == nil)
    #expect(arm[1].export(named: "_puts") == .ordinary)
    let intel = try Self.stubs(Self.text(), .x86_64)
    #expect(intel[0].export(named: "_old$NOCANCEL") == .ordinary)
    #expect(intel[0].export(named: "_getpid") == nil)
  }

  @Test func `another version, a list without an end and a line without a key are refused by name and line`() throws {
    let whole = try Self.text()
    let old = #expect(throws: ObjectFileError.self) {
      try Self.stubs(whole.replacingOccurrences(of: "version:     4", with: "version:     3"))
    }
    #expect(old?.code == .unsupportedVersion)
    #expect(old?.description.contains("tbd-version 3") == true)
    let open = #expect(throws: ObjectFileError.self) {
      try Self.stubs(whole.replacingOccurrences(of: "_environ ]", with: "_environ"))
    }
    #expect(open?.code == .malformedTable)
    let loose = #expect(throws: ObjectFileError.self) { try Self.stubs("--- !tapi-tbd\ntbd-version: 4\nnothing\n") }
    #expect(loose?.description.contains("line 3") == true)
    let nameless = #expect(throws: ObjectFileError.self) { try Self.stubs("--- !tapi-tbd\ntbd-version: 4\n") }
    #expect(nameless?.description.contains("install-name") == true)
  }

  @Test func `cut anywhere and with any byte changed, it is read to an end`() throws {
    let whole = Array(try Self.text().utf8)
    var codes: Set<ObjectFileError.Code> = []
    for index in whole.indices {
      for bytes in [
        Array(whole[..<index]), whole.enumerated().map { $0.offset == index ? $0.element ^ 0x15 : $0.element },
      ] {
        var walk = MachOWalk()
        walk.walk(bytes)
        codes.formUnion(walk.errors.map(\.code))
      }
    }
    #expect(codes.isSuperset(of: [.malformedTable, .unsupportedVersion]))
  }
}
