import Addressing
import Foundation
import Journal
import Testing

@testable import Applier

/// The signature of a Mach-O image file, as `verify` looks at it.
@Suite struct FileImageSignatureTests {
  private static let base = SmallLayout.machO.base()

  /// A program linked and signed by ld64.lld.
  private func withSignedImage(_ body: (String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("program.c")
      try Data("int value = 3;\nint main(void) { return value; }\n".utf8).write(to: source)
      let library = try ToolRun.pythonPackage("ziglang", "0.14.1") + "/ziglang/lib/libc/darwin/libSystem.tbd"
      let compiled = try ToolRun(
        "clang", ["-target", "arm64-apple-none-macho", "-mcpu=apple-m1", "-fPIC", "-c", "program.c"], in: folder)
      let linked = try ToolRun(
        "ld64.lld",
        ["-arch", "arm64", "-platform_version", "macos", "12.0", "12.0", "-adhoc_codesign", "-o", "program"]
          + ["program.o", library], in: folder)
      try #require(compiled.status == 0 && linked.status == 0, "\(compiled.output)\(linked.output)")
      try body(folder.appendingPathComponent("program").path)
    }
  }

  @Test func `holds as the linker made it, and names a page that was changed`() throws {
    try withSignedImage { path in
      #expect(try FileImage(path: path, base: Self.base).signatureMismatches() == [])
      var bytes = try TemporaryFile.bytes(path)
      bytes[0x4001] ^= 1
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      let mismatches = try #require(try FileImage(path: path, base: Self.base).signatureMismatches())
      #expect(mismatches.map(\.part) == [.page(4)])
      #expect(mismatches.first?.description.hasPrefix("page 4, file offsets 0x4000 to 0x5000: signed ") == true)
    }
  }

  @Test func `is the image's own, whose identity is its UUID`() throws {
    try withSignedImage { path in
      let identity = try FileImage(path: path, base: Self.base).identity()
      #expect(identity.count == 16)
      let mismatches = try FileImage(path: path, base: SmallImage.base()).signatureMismatches()
      #expect(mismatches == nil)
    }
  }

  @Test func `is not missed in an image without one, and refused where it is damaged`() throws {
    try TemporaryFile.with(SmallLayout.machO.file()) { path in
      let mismatches = try FileImage(path: path, base: Self.base).signatureMismatches()
      #expect(mismatches == nil)
    }
    try withSignedImage { path in
      let whole = try TemporaryFile.bytes(path)
      try Data(whole.dropLast(300)).write(to: URL(fileURLWithPath: path))
      let error = #expect(throws: ApplyError.self) {
        try FileImage(path: path, base: Self.base).signatureMismatches()
      }
      #expect(error?.code == .fileMalformed)
    }
  }

  @Test func `holds at an update, the page with the header that the applier writes included`() throws {
    try withTemporaryFolder { folder in
      let session = try LinkedSession(SessionObjects(in: folder, compiledWithClang: true), .lldChained)
      let update = try session.record(1)
      let path = session.base.preparedPath
      let before = try TemporaryFile.bytes(path)
      let applier = UpdateApplier(base: session.base)
      _ = try applier.apply(
        [Step(update: update, direction: .forward)], to: update.position, on: FileImage(path: path, base: session.base))
      #expect(try FileImage(path: path, base: session.base).signatureMismatches() == [])
      let after = try TemporaryFile.bytes(path)
      let header = try #require(session.base.fileOffset(of: session.base.arena.header.start))
      let place = Int(header.rawValue)
      #expect(before[place..<place + 256] != after[place..<place + 256])
      // A header that another wrote would be found out.
      var other = after
      other[place + 8] ^= 1
      try Data(other).write(to: URL(fileURLWithPath: path))
      let mismatches = try #require(try FileImage(path: path, base: session.base).signatureMismatches())
      #expect(mismatches.map(\.part) == [.page(place / 0x1000)])
      try Data(after).write(to: URL(fileURLWithPath: path))
      _ = try applier.apply(
        [Step(update: update, direction: .backward)], to: session.base.position,
        on: FileImage(path: path, base: session.base))
      #expect(try TemporaryFile.bytes(path) == before)
    }
  }
}
