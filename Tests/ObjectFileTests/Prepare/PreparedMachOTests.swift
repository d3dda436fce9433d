import Addressing
import Crypto
import Foundation
import ObjectFile
import Testing

/// A Mach-O executable that is linked for a test, and the prepared one beside it.
struct PreparedMachO {
  let folder: TemporaryFolder
  let originalPath: String
  let path: String
  let original: MachOFile
  let file: MachOFile
  let image: MachOPreparedImage

  static let request = MachOArenaRequest(
    codeByteCount: 1 << 16, constantByteCount: 1 << 14, cellByteCount: 1 << 14, flagByteCount: 1 << 10,
    dataByteCount: 1 << 15, rebaseRoom: 512, importRoom: 16, nameRoom: 512, unwindRoom: 64, exceptionTableRoom: 16)

  init(_ specimen: Specimen, request: MachOArenaRequest = Self.request) async throws {
    folder = try TemporaryFolder()
    originalPath = try await specimen.path()
    path = folder.path + "/prepared"
    original = try MachOFile(MappedFile(path: originalPath))
    image = try MachOPreparedImage(preparing: original, request: request).signed(sha256: Self.sha256)
    try image.write(toNewFile: path, permissionsOf: originalPath)
    file = try MachOFile(MappedFile(path: path))
  }

  static func sha256(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }

  /// The same image with edits made, its signature mended.
  func edited(_ edits: [FileEdit], of file: MachOFile, as name: String) throws -> MachOFile {
    var all = edits
    if let signature = try file.codeSignature() {
      all += try signature.edits(signing: edits, byteCount: UInt64(file.view.count), sha256: Self.sha256) {
        try file.view.bytes(at: Int($0.rawValue), count: $1)
      }
    }
    var bytes = file.view.allBytes
    for edit in all {
      let range = Int(edit.offset.rawValue)..<Int(edit.offset.rawValue) + edit.after.count
      #expect(Array(bytes[range]) == edit.before)
      bytes.replaceSubrange(range, with: edit.after)
    }
    let path = folder.path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return try MachOFile(MappedFile(path: path))
  }

  /// What functions of an image return in an emulator that has it at a slide (Tests/EndToEnd/support/run-macho.py).
  static func run(_ path: String, slide: UInt64, _ calls: [String]) throws -> [String] {
    let folders = ["lief-1.0.0", "unicorn-2.1.4"].map(Specimen.pythonPackage)
    if let missing = folders.first(where: { !FileManager.default.fileExists(atPath: $0) }) {
      try Test.cancel("\(missing) is not there: scripts/install-python")
    }
    let arguments = [Specimen.emulator] + folders + [path, "0x" + hex(slide)] + calls
    return try Tool.run("python3", arguments).lines.filter { !$0.isEmpty }.map(String.init)
  }
}

struct `Prepared Mach-O images` {
  @Test(arguments: Specimen.machOPreparable) func `say where the arena is`(_ specimen: Specimen) async throws {
    let prepared = try await PreparedMachO(specimen)
    let layout = try #require(try MachOArenaLayout(of: prepared.file))
    #expect(layout == prepared.image.layout)
    let end = try #require(prepared.original.segments.dropLast().map(\.range.end).max())
    #expect(layout.code.range.start.rawValue - end.rawValue >= 0x6000_0000)
    for part in [
      layout.code, layout.constants, layout.header, layout.cells, layout.flags, layout.data, layout.linkEdit,
    ] {
      #expect(part.range.start.rawValue.isMultiple(of: 0x4000) && part.fileOffset.rawValue.isMultiple(of: 0x4000))
    }
    #expect(prepared.file.segment(named: "__HCSJ_CODE")?.protection == [.read, .execute])
    #expect(prepared.file.segment(named: "__HCSJ_CONST")?.protection == .read)
    #expect(prepared.file.segment(named: "__HCSJ_DATA")?.protection == [.read, .write])
    #expect(prepared.file.uuid == prepared.original.uuid)
  }

  /// What dyld demands of an image (MachOAnalyzer::validSegments, validLinkeditLayout).
  @Test(arguments: Specimen.machOPreparable) func `have segments in order, and __LINKEDIT last`(
    _ specimen: Specimen
  ) async throws {
    let file = try await PreparedMachO(specimen).file
    for (left, right) in zip(file.segments, file.segments.dropFirst()) {
      #expect(left.range.end <= right.address)
      #expect(right.fileOffset.rawValue >= left.fileOffset.rawValue + left.fileByteCount || right.fileByteCount == 0)
    }
    let last = try #require(file.segments.last)
    #expect(last.name == "__LINKEDIT")
    #expect(last.fileOffset.rawValue + last.fileByteCount == UInt64(file.view.count))
  }

  @Test(arguments: Specimen.machOPreparable) func `have the same bytes at the same addresses`(
    _ specimen: Specimen
  ) async throws {
    let prepared = try await PreparedMachO(specimen)
    let sections = prepared.original.sections.filter { !$0.type.isZeroFill && $0.byteCount > 0 }
    for section in sections {
      var old = try prepared.original.contents(of: section).allBytes
      var new = try prepared.file.bytes(at: section.address, count: section.byteCount).allBytes
      // Where the unwind table has its personality routines and its index: those are in the arena.
      if section.name == "__unwind_info" {
        old.removeSubrange(12..<28)
        new.removeSubrange(12..<28)
      }
      #expect(new == old)
    }
    #expect(!sections.isEmpty)
  }

  @Test(arguments: Specimen.machOPreparable) func `have the same symbols, exports, functions and entry`(
    _ specimen: Specimen
  ) async throws {
    let prepared = try await PreparedMachO(specimen)
    func facts(_ file: MachOFile) throws -> [String] {
      try MachOListing.names(file) + (file.exportTrie()?.exports.map { "\($0)" } ?? [])
        + (file.functionStarts() ?? []).map { "\($0)" } + file.dataInCode().map { "\($0)" }
        + MachOListing.indirectSymbols(file) + ["\(String(describing: try file.entry()))"]
    }
    expectSame(try facts(prepared.file), try facts(prepared.original))
  }

  @Test(arguments: Specimen.machOPreparable) func `have the loader fill the same words with the same`(
    _ specimen: Specimen
  ) async throws {
    let prepared = try await PreparedMachO(specimen)
    let ours = try MachOLoaderTables(prepared.file).pointers()
    #expect(!ours.isEmpty)
    #expect(ours == (try PointersOfOriginal.read(prepared.original)))
  }

  @Test(arguments: Specimen.machOPreparable) func `are signed as they were, and the signature holds`(
    _ specimen: Specimen
  ) async throws {
    let prepared = try await PreparedMachO(specimen)
    let old = try prepared.original.codeSignature()
    let new = try prepared.file.codeSignature()
    #expect((old == nil) == (new == nil))
    guard let old, let new else { return }
    #expect(try new.mismatches(in: prepared.file.view, sha256: PreparedMachO.sha256).isEmpty)
    #expect(new.directories.map(\.identifier) == old.directories.map(\.identifier))
    #expect(new.directories.map(\.flags) == old.directories.map(\.flags))
  }

  @Test(arguments: Specimen.machOPreparable) func `are read by other tools without a complaint`(
    _ specimen: Specimen
  ) async throws {
    let prepared = try await PreparedMachO(specimen)
    let all = [["--private-headers"], ["--syms"], ["--rebase", "--bind", "--lazy-bind", "--exports-trie"]]
    // Zig 0.10 shrinks sections and leaves cells behind them to be rebased, of which llvm-objdump complains.
    for arguments in specimen.name.hasPrefix("zig 0.10") ? Array(all.dropLast()) : all {
      let text = try Tool.run("llvm-objdump", ["--macho"] + arguments + [prepared.path])
      #expect(!text.contains("past end") && !text.contains("bad") && !text.contains("malformed"), "\(text)")
    }
    _ = try Tool.run("llvm-readobj", ["--sections", "--symbols", prepared.path])
    let lief = try Tool.run(
      "python3", [Specimen.fixture("lief-listing.py"), Specimen.pythonPackage("lief-1.0.0"), prepared.path])
    expectSame(try MachOListing.fields(prepared.file), lief.lines.dropLast().map(String.init))
  }

  @Test(arguments: Specimen.machOPreparable) func `run like the original, wherever they are loaded`(
    _ specimen: Specimen
  ) async throws {
    let prepared = try await PreparedMachO(specimen)
    let calls = specimen.calls
    let expected = try PreparedMachO.run(prepared.originalPath, slide: 0, calls)
    #expect(expected.count == calls.count)
    for slide: UInt64 in [0, 0x4000, 0x1234_0000, UInt64.random(in: 1..<0x10000) << 14] {
      #expect(try PreparedMachO.run(prepared.path, slide: slide, calls) == expected, "slide \(slide)")
    }
  }
}

/// Fixups of an image that is not prepared, from the readers of each kind.
enum PointersOfOriginal {
  static func read(_ file: MachOFile) throws -> [VirtualAddress: MachOPointer] {
    let places = file.segmentPlaces
    var result: [VirtualAddress: MachOPointer] = [:]
    if let chains = try file.chainedFixups() {
      for fixup in try chains.fixups(in: file.view, places: places) {
        let address = try #require(places.address(of: fixup.place))
        if case .rebase(let target) = fixup.value { result[address] = .address(target) }
        if let target = chains.target(fixup.value) { result[address] = .symbol(target) }
      }
      return result
    }
    for place in try #require(try file.rebases()) {
      let address = try #require(places.address(of: place))
      result[address] = .address(.init(try file.bytes(at: address, count: 8).load(UInt64.self, at: 0)))
    }
    for kind in MachOBindStream.allCases {
      for bind in try #require(try file.binds(kind)) {
        result[try #require(places.address(of: bind.place))] = .symbol(bind.target)
      }
    }
    return result
  }
}
