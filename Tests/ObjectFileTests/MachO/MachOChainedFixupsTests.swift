import Addressing
import Foundation
import ObjectFile
import Testing

/// Chained fixups of a real linker, against what other readers say of them; and written anew.
struct `Chained fixups of real images` {
  private static func words(_ fixups: MachOChainedFixups, _ file: MachOFile) throws -> [String] {
    try fixups.fixups(in: file.view, places: file.segmentPlaces).map { fixup in
      switch fixup.value {
      case .rebase(let address): return "rebase \(file.text(fixup.place)) \(address)"
      case .bind:
        let target = try #require(fixups.target(fixup.value))
        return "bind \(file.text(fixup.place)) \(target.library.rawValue) \(target.symbol) \(target.addend) "
          + (target.isWeakImport ? "weak" : "strong")
      }
    }
  }

  @Test(arguments: FixupImage.chained) func `agree with LIEF`(_ image: FixupImage) async throws {
    let file = try await image.file()
    let fixups = try #require(try file.chainedFixups())
    let listing = try lief(liefListing, [file.name])
    let ours = try Self.words(fixups, file)
    expectSame(ours.sorted(), listing.sorted())
    #expect(ours.count > 20)
  }

  @Test(arguments: FixupImage.chained) func `agree with llvm-objdump`(_ image: FixupImage) async throws {
    let objdump = try Tool.inToolchain("llvm-objdump")
    let file = try await image.file()
    let fixups = try #require(try file.chainedFixups())
    let theirs = try Tool.run(objdump, ["--macho", "--chained-fixups", file.name])
    for (index, target) in fixups.imports.enumerated() {
      let entry = try #require(theirs.range(of: "dyld chained import[\(index)]\n"))
      let text = String(theirs[entry.upperBound...].prefix(400))
      #expect(text.contains("lib_ordinal = \(target.library.rawValue) "))
      #expect(text.contains("weak_import = \(target.isWeakImport ? 1 : 0)\n"))
      #expect(text.contains("(\(target.symbol))"))
    }
    #expect(!theirs.contains("import[\(fixups.imports.count)]"))
    #expect(theirs.contains("imports_format = \(fixups.importFormat.rawValue) "))
    for (index, starts) in fixups.starts.enumerated() {
      guard let starts else { continue }
      let text = theirs[try #require(theirs.range(of: "segment \(index) (")).upperBound...].prefix(500)
      #expect(text.contains("page_size = 0x\(hex(starts.pageByteCount))\n"))
      #expect(text.contains("pointer_format = \(starts.format.rawValue) "))
      #expect(text.contains("segment_offset = 0x\(hex(starts.segmentOffset))\n"))
      #expect(text.contains("page_count = \(starts.pageCount)\n"))
    }
    let rows = try Tool.run(objdump, ["--macho", "--dyld-info", file.name]).lines.filter {
      $0.hasPrefix("__")
    }
    let ours = try fixups.fixups(in: file.view, places: file.segmentPlaces).map { fixup -> String in
      let place = "\(file.segmentPlaces[fixup.place.segment].name) \(file.text(fixup.place))"
      let raw = "0x\(hex(try file.word(fixup.place), 16))"
      guard let target = fixups.target(fixup.value) else {
        guard case .rebase(let address) = fixup.value else { return "" }
        return "\(place) \(raw) rebase \(address)".lowercased()
      }
      return "\(place) \(raw) bind 0x\(hex(target.addend)) \(target.symbol)".lowercased()
    }
    let theirRows = rows.map { row -> String in
      let words = row.lowercased().split(separator: " ").map(String.init)
      // The fifth column is the library's name.
      let isBind = words[4] == "bind"
      return ([words[0]] + words[2...4] + (isBind ? [words[5], words[7]] : [words[5]])).joined(separator: " ")
    }
    expectSame(ours, theirRows)
  }

  @Test(arguments: FixupImage.chained) func `written anew, with segments and imports more, they say the same`(
    _ image: FixupImage
  ) async throws {
    let file = try await image.file()
    let fixups = try #require(try file.chainedFixups())
    var draft = try #require(try MachOChainedDraft(fixups, in: file.view, places: file.segmentPlaces))
    let base = try #require(file.segments.first { $0.name == "__TEXT" }).range.start
    // Unchanged, each word is what the linker wrote.
    for (place, word) in try draft.encode(base: base).words {
      let theirs = try file.word(place)
      #expect(theirs == word)
    }
    draft.imports.append(MachOBindTarget(library: MachOBindLibrary(1), symbol: "_strlen", addend: 1 << 40))
    draft.importRoom = 3
    draft.nameRoom = 64
    draft.segments.append(nil)
    let (payload, words) = try draft.encode(base: base)
    #expect(try words.allSatisfy { try file.word($0.place) == $0.word })
    let whole = MappedFile(bytes: file.view.allBytes + payload, name: "image").view
    let places = MachOSegmentPlaces(
      Array(file.segmentPlaces) + [
        MachOSegmentPlace(
          name: "__MORE", range: AddressRange(start: VirtualAddress(1 << 40), byteCount: 0x4000),
          fileOffset: FileOffset(0), fileByteCount: 0)
      ])
    let again = try MachOChainedFixups(
      try whole.suffix(from: UInt64(file.view.count)), libraryCount: try file.libraries().count, in: places)
    #expect(again.imports == draft.imports)
    #expect(again.importFormat == .wideAddend)
    let mine = try again.fixups(in: whole, places: places)
    let theirs = try fixups.fixups(in: file.view, places: file.segmentPlaces)
    #expect(mine == theirs)
  }

  @Test(arguments: FixupImage.chained) func `single words are set, replaced and removed, and back again`(
    _ image: FixupImage
  ) async throws {
    let file = try await image.file()
    let fixups = try #require(try file.chainedFixups())
    let before = try fixups.fixups(in: file.view, places: file.segmentPlaces)
    let data = try #require(file.segments.firstIndex { $0.name == "__DATA" })
    let inData = before.filter { $0.place.segment == data }
    let text = try #require(file.segments.first { $0.name == "__TEXT" }).range.start
    // Words of chains at their beginning, in them and at their end; and words that are in none.
    var changes: [MachOFixupPlace: MachOChainedValue?] = [:]
    changes[inData[0].place] = .some(nil)
    changes[inData[5].place] = .some(nil)
    changes[inData[inData.count - 1].place] = .bind(0, addend: 7)
    let used = Set(before.map(\.place))
    let free = stride(from: UInt64(0), to: file.segments[data].fileByteCount - 8, by: 8).map {
      MachOFixupPlace(segment: data, offset: $0)
    }.filter { !used.contains($0) }
    for place in [free[0], free[free.count / 2], free[free.count - 1]] {
      changes[place] = .rebase(VirtualAddress(text.rawValue + 0x10))
    }
    let edits = try fixups.edits(setting: changes, in: file.view, places: file.segmentPlaces)
    var bytes = file.view.allBytes
    apply(edits, to: &bytes)
    let edited = try MachOFile(MappedFile(bytes: bytes, name: "edited"))
    var expected = Dictionary(uniqueKeysWithValues: before.map { ($0.place, $0.value) })
    for (place, value) in changes { expected[place] = value }
    let after = try #require(try edited.chainedFixups()).fixups(in: edited.view, places: edited.segmentPlaces)
    #expect(Dictionary(uniqueKeysWithValues: after.map { ($0.place, $0.value) }) == expected)
    #expect(after == after.sorted { $0.place < $1.place })
    apply(edits.reversed().map(\.inverted), to: &bytes)
    #expect(bytes == file.view.allBytes)
  }

  @Test func `imports are added in the room that was left for them, and no further`() async throws {
    let file = try await FixupImage.lldChainsARM64.file()
    let original = try #require(try file.chainedFixups())
    var draft = try #require(try MachOChainedDraft(original, in: file.view, places: file.segmentPlaces))
    draft.importRoom = 2
    draft.nameRoom = 16
    let base = try #require(file.segments.first { $0.name == "__TEXT" }).range.start
    let payload = MappedFile(bytes: try draft.encode(base: base).payload, name: "payload").view
    func read(_ bytes: [UInt8]) throws -> MachOChainedFixups {
      try MachOChainedFixups(
        MappedFile(bytes: bytes, name: "payload").view, libraryCount: try file.libraries().count, in: file.segmentPlaces
      )
    }
    var fixups = try MachOChainedFixups(payload, libraryCount: try file.libraries().count, in: file.segmentPlaces)
    let added = ["_strlen", "_exit"].map { MachOBindTarget(library: MachOBindLibrary(1), symbol: $0) }
    let known = original.imports[1]
    let (ordinals, edits) = try fixups.addImports([added[0], known, added[1], added[0]], in: payload)
    let count = original.imports.count
    #expect(ordinals == [count, 1, count + 1, count])
    var bytes = payload.allBytes
    apply(edits, to: &bytes)
    let again = try read(bytes)
    #expect(again.imports == original.imports + added)
    let error = #expect(throws: ObjectFileError.self) {
      try fixups.addImports([MachOBindTarget(library: .flatLookup, symbol: "_one_more")], in: payload)
    }
    #expect(error?.code == .noRoom)
    apply(edits.reversed().map(\.inverted), to: &bytes)
    #expect(bytes == payload.allBytes)
  }
}

func apply(_ edits: [FileEdit], to bytes: inout [UInt8]) {
  for edit in edits {
    let range = Int(edit.offset.rawValue)..<Int(edit.offset.rawValue) + edit.after.count
    #expect(Array(bytes[range]) == edit.before)
    bytes.replaceSubrange(range, with: edit.after)
  }
}

private let liefListing = """
  import lief
  image = lief.MachO.parse(sys.argv[1]).at(0)
  for relocation in image.relocations:
      if relocation.origin == lief.MachO.Relocation.ORIGIN.CHAINED_FIXUPS:
          print("rebase 0x%x 0x%x" % (relocation.address, relocation.target))
  for bind in image.dyld_chained_fixups.bindings:
      print("bind 0x%x" % bind.address, bind.library_ordinal, bind.symbol.name, bind.addend + bind.sign_extended_addend,
            "weak" if bind.weak_import else "strong")
  """
