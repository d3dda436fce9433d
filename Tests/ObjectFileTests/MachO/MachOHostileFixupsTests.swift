import Addressing
import Foundation
import ObjectFile
import Testing

/// Streams and chains put together by hand: what no linker writes is refused, and what a linker may write is read.
struct `Damaged fixups` {
  /// Two segments of a file of 0x8000 bytes; the last of their words stands at 0x3FF8.
  static let places = MachOSegmentPlaces([
    MachOSegmentPlace(
      name: "__TEXT", range: AddressRange(start: VirtualAddress(0x1_0000_0000), byteCount: 0x4000),
      fileOffset: FileOffset(0), fileByteCount: 0x4000),
    MachOSegmentPlace(
      name: "__DATA", range: AddressRange(start: VirtualAddress(0x1_0000_4000), byteCount: 0x1_0000_0000),
      fileOffset: FileOffset(0x4000), fileByteCount: 0x4000),
  ])

  private static func view(_ bytes: [UInt8]) -> ByteView { MappedFile(bytes: bytes, name: "stream").view }

  private static let huge: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]
  private static let minus8: [UInt8] = [0xF8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]

  private static let rebases: [(String, [UInt8], ObjectFileError.Code)] = [
    ("no type", [0x21, 0, 0x51], .malformedFixups),
    ("no segment", [0x11, 0x51], .malformedFixups),
    ("a segment that does not exist", [0x11, 0x22, 0, 0x51], .malformedFixups),
    ("another type", [0x12, 0x21, 0, 0x51], .unsupportedFixup),
    ("an unknown opcode", [0x11, 0x21, 0, 0x90], .unsupportedFixup),
    ("a word that the segment ends in", [0x11, 0x21, 0xF9, 0x7F, 0x51], .malformedFixups),
    ("a word where the file has none", [0x11, 0x21, 0x80, 0x80, 0x01, 0x51], .malformedFixups),
    ("a run over the segment's end", [0x11, 0x21, 0, 0x60, 0x81, 0x10], .malformedFixups),
    ("a run of more words than there are numbers", [0x11, 0x21, 0, 0x60] + huge, .malformedFixups),
    ("a run that overflows", [0x11, 0x21, 0, 0x80] + huge + huge, .malformedFixups),
    ("a run that stands still", [0x11, 0x21, 0, 0x80] + huge + minus8, .malformedFixups),
    ("a stream that repeats itself", [0x11] + (0..<20).flatMap { _ in [0x21, 0, 0x60, 0xFF, 0x0F] }, .malformedFixups),
    ("a number without end", [0x11, 0x21, 0x80, 0x80], .truncated),
    ("a number beyond 64 bits", [0x11, 0x21] + [UInt8](repeating: 0xFF, count: 10) + [0x01, 0x51], .truncated),
    ("a count that is missing", [0x11, 0x21, 0, 0x60], .truncated),
  ]

  @Test(arguments: rebases.indices) func `in rebase opcodes are refused`(_ index: Int) {
    let (name, bytes, code) = Self.rebases[index]
    let error = #expect(throws: ObjectFileError.self, "\(name)") {
      try MachORebases(Self.view(bytes), in: Self.places)
    }
    #expect(error?.code == code, "\(name)")
  }

  @Test func `what goes back, adds nothing or stands behind the end is read`() throws {
    // To 0x20, back by 8, twice, the last word; then DONE, and what follows it is not read.
    let bytes: [UInt8] =
      [0x11, 0x21, 0x20, 0x71] + Self.minus8.dropLast() + [0x01] + [0x11, 0x50, 0x60, 0]
      + [0x21, 0xF8, 0x7F, 0x51, 0, 0xFF, 0xFF]
    let rebases = try MachORebases(Self.view(bytes), in: Self.places)
    #expect(Array(rebases).map(\.offset) == [0x20, 0x3FF8])
    // -16 as what is skipped: each word is eight bytes before the last.
    let minus16: [UInt8] = [0xF0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]
    let backwards = try MachORebases(Self.view([0x11, 0x21, 0x20, 0x80, 3] + minus16), in: Self.places)
    #expect(Array(backwards).map(\.offset) == [0x20, 0x18, 0x10])
    #expect(Array(try MachORebases(Self.view([]), in: Self.places)).isEmpty)
  }

  private static let name: [UInt8] = [0x40, 0x5F, 0x61, 0]
  private static let binds: [(String, MachOBindStream, [UInt8], ObjectFileError.Code)] = [
    ("no symbol", .regular, [0x11, 0x51, 0x71, 0, 0x90], .malformedFixups),
    ("no library", .regular, name + [0x51, 0x71, 0, 0x90], .malformedFixups),
    ("no type", .weak, name + [0x71, 0, 0x90], .malformedFixups),
    ("no segment", .weak, name + [0x51, 0x90], .malformedFixups),
    ("a library that is not loaded", .regular, [0x13] + name + [0x51, 0x71, 0, 0x90], .malformedFixups),
    ("a library by a large number", .regular, [0x20] + huge + name + [0x51, 0x71, 0, 0x90], .malformedFixups),
    ("a special library that is unknown", .regular, [0x3C] + name + [0x51, 0x71, 0, 0x90], .malformedFixups),
    ("threaded binds", .regular, [0xD0, 1], .unsupportedFixup),
    ("another type", .regular, [0x52], .unsupportedFixup),
    ("an unknown opcode", .regular, [0xE0], .unsupportedFixup),
    ("a name without end", .regular, [0x40, 0x5F, 0x61], .badString),
    ("a name that is no UTF-8", .regular, [0x40, 0xFF, 0], .badString),
    ("an addend without end", .regular, [0x60, 0x80], .truncated),
    ("a run over the end", .weak, name + [0x51, 0x71, 0, 0xC0, 0x81, 0x10, 0], .malformedFixups),
    ("an endless run", .weak, name + [0x51, 0x71, 0, 0xC0] + huge + minus8, .malformedFixups),
    // What the word before said is not said of this one: dyld reads each by itself.
    (
      "a lazy word without a symbol", .lazy, [0x71, 0, 0x11] + name + [0x90, 0, 0x71, 8, 0x11, 0x90], .malformedFixups
    ),
  ]

  @Test(arguments: binds.indices) func `in bind opcodes are refused`(_ index: Int) {
    let (name, kind, bytes, code) = Self.binds[index]
    let error = #expect(throws: ObjectFileError.self, "\(name)") {
      try MachOBinds(Self.view(bytes), kind: kind, libraryCount: 2, in: Self.places)
    }
    #expect(error?.code == code, "\(name)")
  }

  @Test func `every field of a bind is written and read again`() throws {
    var binds: [MachOBind] = []
    let libraries = [-3, -2, -1, 0, 1, 15, 16, 300].map { MachOBindLibrary($0) }
    for (index, library) in libraries.enumerated() {
      for (step, addend) in [Int64(0), -1, 63, 64, -64, -65, .max, .min].enumerated() {
        let target = MachOBindTarget(
          library: library, symbol: "_s\(index / 3)", addend: addend, isWeakImport: step % 2 == 0)
        for word in 0..<6 {
          let offset = UInt64(index * 0x600 + step * 0xC0 + [0, 8, 16, 48, 80, 112][word])
          binds.append(MachOBind(place: MachOFixupPlace(segment: 1, offset: offset), target: target))
        }
      }
    }
    let stream = try MachOBindEncoder.encode(binds.shuffled(), kind: .regular, file: "image")
    #expect(try MachOBindEncoder.encode(binds.shuffled(), kind: .regular, file: "image") == stream)
    let again = try MachOBinds(Self.view(stream), kind: .regular, libraryCount: 300, in: Self.places)
    #expect(Set(again) == Set(binds))
    let padded = MachOBindEncoder.padded(stream, to: stream.count + 100)
    #expect(padded.count == stream.count + 100)
    let same = try MachOBinds(Self.view(padded), kind: .regular, libraryCount: 300, in: Self.places)
    #expect(Array(same) == Array(again))
  }

  @Test func `every set of words is written and read again, and padded without a long end`() throws {
    var state: UInt64 = 7
    func random(_ bound: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % bound
    }
    for count in [0, 1, 2, 3, 15, 16, 17, 200] {
      for step in [8, 16, 4, 1, 24] as [UInt64] {
        var places: Set<MachOFixupPlace> = []
        var offset: UInt64 = 0
        for _ in 0..<count where offset <= 0x3FF8 {
          places.insert(MachOFixupPlace(segment: Int(random(2)), offset: offset))
          offset += random(8) == 0 ? 8 * random(30) + 8 : step
        }
        let stream = try MachORebaseEncoder.encode(places.shuffled(), file: "image")
        #expect(Array(try MachORebases(Self.view(stream), in: Self.places)) == places.sorted())
        let padded = MachORebaseEncoder.padded(stream, to: stream.count + 40)
        #expect(Array(try MachORebases(Self.view(padded), in: Self.places)) == places.sorted())
        // dyld refuses a stream that goes on for more than 8 bytes behind its end.
        #expect((padded.lastIndex { $0 != 0 } ?? 0) >= padded.count - 8)
      }
    }
  }

  @Test func `a segment beyond the sixteenth is refused by name`() {
    let place = MachOFixupPlace(segment: 16, offset: 0)
    let target = MachOBindTarget(library: .thisImage, symbol: "_a")
    let errors = [
      #expect(throws: ObjectFileError.self) { try MachORebaseEncoder.encode([place], file: "image") },
      #expect(throws: ObjectFileError.self) {
        try MachOBindEncoder.encode([MachOBind(place: place, target: target)], kind: .regular, file: "image")
      },
    ]
    #expect(errors.allSatisfy { $0?.code == .unsupportedFixup })
  }
}

/// Chained fixups put together by hand.
struct `Damaged chained fixups` {
  private static let base = VirtualAddress(0x1_0000_0000)

  /// An image of two pages of data whose payload follows them, and both formats' words in it.
  private static func image(_ format: MachOChainedPointerFormat = .offset) throws -> (bytes: [UInt8], payload: Int) {
    var draft = MachOChainedDraft(format: format, pageByteCount: 0x1000, segmentCount: 2, file: "image")
    draft.imports = [
      MachOBindTarget(library: MachOBindLibrary(1), symbol: "_a", addend: -5),
      MachOBindTarget(library: .weakLookup, symbol: "_b", isWeakImport: true),
    ]
    let values: [(UInt64, MachOChainedValue)] = [
      (0, .rebase(VirtualAddress(0x1_0000_0010))), (8, .bind(0, addend: 255)), (0xFF4, .bind(1, addend: 0)),
      (0x1000, .rebase(VirtualAddress(0xAB00_0001_0000_0010))), (0x3FF8, .bind(1, addend: 3)),
    ]
    let fixups = values.map { MachOChainedFixup(place: MachOFixupPlace(segment: 1, offset: $0.0), value: $0.1) }
    draft.segments[1] = MachOChainedDraft.Segment(offset: 0x4000, pageCount: 4, fixups: fixups)
    let (payload, words) = try draft.encode(base: base)
    var bytes = [UInt8](repeating: 0, count: 0x8000)
    for (place, word) in words {
      let at = 0x4000 + Int(place.offset)
      bytes.replaceSubrange(at..<at + 8, with: littleEndian(word))
    }
    return (bytes + payload, 0x8000)
  }

  private static func read(_ bytes: [UInt8], _ payload: Int) throws -> (MachOChainedFixups, [MachOChainedFixup]) {
    let file = MappedFile(bytes: bytes, name: "image").view
    let places = `Damaged fixups`.places
    let fixups = try MachOChainedFixups(try file.suffix(from: UInt64(payload)), libraryCount: 1, in: places)
    return (fixups, try fixups.fixups(in: file, places: places))
  }

  @Test(arguments: [MachOChainedPointerFormat.address, .offset]) func `are read as written where they are whole`(
    _ format: MachOChainedPointerFormat
  ) throws {
    let (bytes, payload) = try Self.image(format)
    let (fixups, words) = try Self.read(bytes, payload)
    #expect(words.map(\.place.offset) == [0, 8, 0xFF4, 0x1000, 0x3FF8])
    #expect(words[0].value == .rebase(VirtualAddress(0x1_0000_0010)))
    #expect(words[3].value == .rebase(VirtualAddress(0xAB00_0001_0000_0010)))
    #expect(fixups.target(words[1].value)?.addend == 250)
    #expect(fixups.target(words[4].value)?.isWeakImport == true)
    #expect(fixups.importFormat == .addend)
  }

  /// What is written where, from the payload on, and how it is refused.
  private static let damage: [(String, Int, [UInt8], ObjectFileError.Code)] = [
    ("a version", 0, [1], .unsupportedFixup),
    ("an import format", 20, [4], .unsupportedFixup),
    ("compressed names", 24, [1], .unsupportedFixup),
    ("starts beyond the imports", 4, [0xFF, 0xFF], .malformedFixups),
    ("imports beyond the symbols", 16, [0xFF, 0xFF, 0xFF, 0xFF], .malformedFixups),
    ("symbols beyond the end", 12, [0xFF, 0xFF], .malformedFixups),
    ("more segments than there are", 32, [3], .malformedFixups),
    ("starts of a segment outside", 40, [0xFF, 0xFF], .truncated),
    ("a size that ends before the starts", 48, [24], .malformedFixups),
    ("a page size", 52, [0, 0x20], .malformedFixups),
    ("arm64e pointers", 54, [9], .unsupportedFixup),
    ("32-bit pointers", 54, [3], .unsupportedFixup),
    ("an offset above the segment", 56, [0, 0, 0, 0, 0, 0, 1], .malformedFixups),
    ("more pages than words", 68, [0xFF, 0x7F], .malformedFixups),
    ("a start outside its page", 70, [0, 0x10], .malformedFixups),
    ("a list of starts that is not there", 70, [4, 0x80], .malformedFixups),
    ("a list among the pages", 70, [1, 0x80], .malformedFixups),
  ]

  @Test(arguments: damage.indices) func `are refused in their tables`(_ index: Int) throws {
    let (name, offset, patch, code) = Self.damage[index]
    var (bytes, payload) = try Self.image()
    bytes.replaceSubrange(payload + offset..<payload + offset + patch.count, with: patch)
    let error = #expect(throws: ObjectFileError.self, "\(name)") { try Self.read(bytes, payload) }
    #expect(error?.code == code, "\(name)")
    if name == "arm64e pointers" { #expect(error?.description.contains("ARM64E_USERLAND") == true) }
  }

  private static func word(_ value: UInt64, next: UInt64, bind: Bool = false) -> [UInt8] {
    littleEndian(value | (next / 4) << 51 | (bind ? 1 << 63 : 0))
  }

  @Test func `are refused where a chain leaves its page, overlaps itself or binds nothing`() throws {
    let damage: [(Int, [UInt8])] = [
      // The last word of the first page, then one that leads over its end, one that overlaps, one without an import.
      (0x4FF4, Self.word(1, next: 0x10, bind: true)), (0x4008, Self.word(0, next: 4, bind: true)),
      (0x4008, Self.word(2, next: 0xFEC, bind: true)), (0x7FF8, Self.word(0, next: 8, bind: true)),
    ]
    for (offset, patch) in damage {
      var (bytes, payload) = try Self.image()
      bytes.replaceSubrange(offset..<offset + 8, with: patch)
      let error = #expect(throws: ObjectFileError.self) { try Self.read(bytes, payload) }
      #expect(error?.code == .malformedFixups)
    }
  }

  @Test func `several chains in a page are read, and written back as one`() throws {
    // The first page's words 0 and 8 in one chain, 0xFF4 in another: the list stands behind the four pages' starts.
    var (bytes, payload) = try Self.image()
    let multiple = littleEndian(UInt16(0x8000 | 4))
    let list = littleEndian(UInt16(0)) + littleEndian(UInt16(0x8000 | 0xFF4))
    bytes.replaceSubrange(payload + 48..<payload + 52, with: littleEndian(UInt32(22 + 2 * 6)))
    bytes.replaceSubrange(payload + 70..<payload + 72, with: multiple)
    // Two words more: the imports begin later, and so do the symbols.
    bytes.insert(contentsOf: list + [0, 0, 0, 0], at: payload + 78)
    for field in [8, 12] {
      let at = payload + field
      bytes[at] += 8
    }
    bytes.replaceSubrange(0x4008..<0x4010, with: Self.word(255 << 24, next: 0, bind: true))
    let (fixups, words) = try Self.read(bytes, payload)
    #expect(words.map(\.place.offset) == [0, 8, 0xFF4, 0x1000, 0x3FF8])
    let file = MappedFile(bytes: bytes, name: "image").view
    let edits = try fixups.edits(
      setting: [MachOFixupPlace(segment: 1, offset: 0x10): .bind(1, addend: 1)], in: file,
      places: `Damaged fixups`.places)
    apply(edits, to: &bytes)
    let (again, after) = try Self.read(bytes, payload)
    #expect(after.map(\.place.offset) == [0, 8, 0x10, 0xFF4, 0x1000, 0x3FF8])
    #expect(again.imports == fixups.imports)
  }

  @Test func `are not written where a word has no room`() throws {
    let places = `Damaged fixups`.places
    let (bytes, payload) = try Self.image()
    let file = MappedFile(bytes: bytes, name: "image").view
    let fixups = try MachOChainedFixups(try file.suffix(from: UInt64(payload)), libraryCount: 1, in: places)
    let refused: [(UInt64, MachOChainedValue)] = [
      (0x20, .rebase(VirtualAddress(0x0010_0001_0000_0000))), (0x20, .rebase(VirtualAddress(0x8000))),
      (0x20, .bind(1 << 24, addend: 0)), (0x22, .bind(0, addend: 0)), (0xC, .bind(0, addend: 0)),
      (0x4000, .bind(0, addend: 0)),
    ]
    for (offset, value) in refused {
      let error = #expect(throws: ObjectFileError.self) {
        try fixups.edits(setting: [MachOFixupPlace(segment: 1, offset: offset): value], in: file, places: places)
      }
      #expect(error?.code == .malformedFixups, "\(offset) \(value)")
    }
    let error = #expect(throws: ObjectFileError.self) {
      try fixups.edits(setting: [MachOFixupPlace(segment: 0, offset: 0): nil], in: file, places: places)
    }
    #expect(error?.code == .malformedFixups)
  }
}

/// What a fuzzer once tripped over, and its corpus.
struct `Inputs of the fixups fuzzer` {
  private static func files(_ folder: String) -> [String] {
    let fuzz = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../Fuzz/\(folder)/fixups")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: fuzz.path)) ?? []
    return names.sorted().map { fuzz.appendingPathComponent($0).path }
  }

  @Test(arguments: files("Corpus")) func `the corpus is read without an error`(_ path: String) throws {
    var walk = FixupsWalk()
    walk.walk(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
    #expect(walk.errors.map(\.description) == [])
  }

  @Test(arguments: files("FailCases")) func `are read to the end`(_ path: String) throws {
    var walk = FixupsWalk()
    walk.walk(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
    #expect(walk.errors.allSatisfy { !$0.description.isEmpty })
  }

  @Test func `with every byte changed and cut at every length, what is read is written the same`() throws {
    var codes: Set<ObjectFileError.Code> = []
    for path in Self.files("Corpus") {
      let whole = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
      for index in 1..<whole.count {
        for value in [0, 0x7F, 0xFF, whole[index] ^ 1, whole[index] ^ 0x80] where value != whole[index] {
          var damaged = whole
          damaged[index] = value
          var walk = FixupsWalk()
          walk.walk(damaged)
          codes.formUnion(walk.errors.map(\.code))
        }
        var walk = FixupsWalk()
        walk.walk(Array(whole.prefix(index)))
        codes.formUnion(walk.errors.map(\.code))
      }
    }
    #expect(
      codes.isSuperset(of: [
        .truncated, .badString, .malformedFixups, .unsupportedFixup, .malformedExports, .malformedSignature,
        .unsupportedSignature, .signedByIdentity,
      ]))
  }
}
