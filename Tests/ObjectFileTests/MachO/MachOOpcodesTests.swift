import Addressing
import Foundation
import ObjectFile
import Testing

/// Opcode streams of real linkers, against what other readers say of them.
struct `Rebase and bind opcodes of real images` {
  @Test(arguments: FixupImage.withOpcodes) func `agree with LIEF`(_ image: FixupImage) async throws {
    let file = try await image.file()
    let listing = try lief(liefListing, [file.name])
    let rebases = try #require(try file.rebases()).map { "rebase \(file.text($0))" }
    expectSame(rebases.sorted(), listing.filter { $0.hasPrefix("rebase ") }.sorted(), "rebases")
    var binds: [String] = []
    for kind in MachOBindStream.allCases {
      binds += try #require(try file.binds(kind)).map { bind in
        let target = bind.target
        let bound = "bind \(kind) \(file.text(bind.place)) \(target.symbol) \(target.addend)"
        return kind == .weak ? bound : bound + " \(target.library.rawValue) \(target.isWeakImport)"
      }
    }
    expectSame(binds.sorted(), listing.filter { $0.hasPrefix("bind ") }.sorted(), "binds")
    #expect(!rebases.isEmpty)
  }

  /// LLVM refuses opcodes of Zig's self-hosted linker, whose segments are larger than their sections.
  @Test(arguments: FixupImage.withOpcodes.filter { !FixupImage.selfHosted.contains($0) })
  func `agree with llvm-objdump`(_ image: FixupImage) async throws {
    let file = try await image.file()
    func theirs(_ option: String) throws -> [String] {
      try Tool.run(try Tool.inToolchain("llvm-objdump"), ["--macho", option, file.name]).lines.map {
        $0.collapsed
      }
      .filter { $0.hasPrefix("__") }.map { $0.split(separator: " ") }
      // segment, section, address, and whatever follows
      .map { ([$0[0]] + $0.dropFirst(2)).joined(separator: " ").lowercased() }
    }
    let libraries = try file.libraries()
    func ours(_ place: MachOFixupPlace) -> String { "\(file.segmentPlaces[place.segment].name) \(file.text(place))" }
    func library(_ ordinal: MachOBindLibrary) -> String {
      switch ordinal {
      case .thisImage: "this-image"
      case .mainExecutable: "main-executable"
      case .flatLookup: "flat-namespace"
      case .weakLookup: "weak"
      default: String(libraries[ordinal.rawValue - 1].name.split(separator: "/").last?.prefix { $0 != "." } ?? "")
      }
    }
    func suffix(_ target: MachOBindTarget) -> String {
      "\(target.symbol)\(target.isWeakImport ? " (weak import)" : "")"
    }
    let rebases = try #require(try file.rebases()).map { "\(ours($0)) pointer".lowercased() }
    expectSame(rebases, try theirs("--rebase"), "rebases")
    let regular = try #require(try file.binds(.regular)).map { bind in
      "\(ours(bind.place)) pointer \(bind.target.addend) \(library(bind.target.library)) \(suffix(bind.target))"
    }
    expectSame(regular.map { $0.lowercased() }, try theirs("--bind"), "binds")
    let weak = try #require(try file.binds(.weak))
    expectSame(
      weak.map { "\(ours($0.place)) pointer \($0.target.addend) \(suffix($0.target))".lowercased() },
      try theirs("--weak-bind").filter { !$0.contains("strong") }, "weak binds")
    let lazy = try #require(try file.binds(.lazy)).map { bind in
      "\(ours(bind.place)) \(library(bind.target.library)) \(suffix(bind.target))".lowercased()
    }
    expectSame(lazy, try theirs("--lazy-bind"), "lazy binds")
  }

  @Test(arguments: FixupImage.withOpcodes) func `encoded again, they say the same`(
    _ image: FixupImage
  ) async throws {
    let file = try await image.file()
    let theirs = try #require(try file.loaderInfo())
    let rebases = Array(try #require(try file.rebases()))
    let stream = try MachORebaseEncoder.encode(rebases.shuffled(), file: "image")
    #expect(
      Array(try MachORebases(MappedFile(bytes: stream, name: "image").view, in: file.segmentPlaces)) == rebases.sorted()
    )
    #expect(stream.count <= theirs.rebases.count)
    for kind in MachOBindStream.allCases {
      let binds = try #require(try file.binds(kind))
      let stream = try MachOBindEncoder.encode(
        binds.shuffled(), kind: kind, strongDefinitions: binds.strongDefinitions, file: "image")
      let again = try MachOBinds(
        MappedFile(bytes: stream, name: "image").view, kind: kind, libraryCount: try file.libraries().count,
        in: file.segmentPlaces)
      let meaning = { (binds: MachOBinds) in Set(binds.map { MachOBind(place: $0.place, target: $0.target) }) }
      #expect(meaning(again) == meaning(binds))
      #expect(Array(again).count == Array(binds).count)
      #expect(again.strongDefinitions == binds.strongDefinitions.sorted())
    }
  }

  @Test(arguments: FixupImage.withOpcodes) func `a lazy stream keeps the places that stub helpers name`(
    _ image: FixupImage
  ) async throws {
    let file = try await image.file()
    let binds = Array(try #require(try file.binds(.lazy)))
    let (bytes, offsets) = try MachOBindEncoder.encodeLazy(binds, file: "image")
    #expect(offsets == binds.map(\.streamOffset))
    let theirs = try #require(try file.loaderInfo()).lazyBinds.allBytes
    // Zig names symbol and library in the opposite order.
    if FixupImage.ofLLD.contains(image) { #expect(bytes == Array(theirs.prefix(bytes.count))) }
    #expect(theirs.dropFirst(bytes.count).allSatisfy { $0 == 0 })
  }
}

private let liefListing = """
  import lief
  image = lief.MachO.parse(sys.argv[1]).at(0)
  for relocation in image.relocations:
      if relocation.origin == lief.MachO.Relocation.ORIGIN.DYLDINFO:
          print("rebase 0x%x" % relocation.address)
  names = {"STANDARD": "regular", "WEAK": "weak", "LAZY": "lazy"}
  for bind in image.dyld_info.bindings:
      kind = names[bind.binding_class.name]
      rest = [] if kind == "weak" else [bind.library_ordinal, str(bind.weak_import).lower()]
      print("bind", kind, "0x%x" % bind.address, bind.symbol.name, bind.addend, *rest)
  """
