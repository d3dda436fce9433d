import Addressing
import ObjectFile
import Testing

/// Prepared images with pointers added, as other readers see them.
struct `Prepared Mach-O images with pointers added` {
  /// llvm-objdump and codesign_allocate refuse what Zig's self-hosted linker leaves, prepared or not.
  private static let specimens = Specimen.machOPreparable.filter { !$0.name.hasPrefix("zig 0.10") }

  /// Cells with an address of the image, with symbols that it imports for the first time, and in several pages.
  private func withPointers(_ prepared: PreparedMachO) throws -> (
    file: MachOFile, added: [VirtualAddress: MachOPointer]
  ) {
    let layout = prepared.image.layout
    let code = layout.code.range.start
    func address(_ part: ArenaPart, _ offset: UInt64) -> VirtualAddress {
      VirtualAddress(part.range.start.rawValue + offset)
    }
    let library = MachOBindLibrary(1)
    let added: [VirtualAddress: MachOPointer] = [
      address(layout.cells, 0): .symbol(MachOBindTarget(library: library, symbol: "_getpid")),
      address(layout.cells, 8): .address(code), address(layout.cells, 40): .address(address(layout.code, 0x100)),
      address(layout.cells, 0x3FF8): .symbol(MachOBindTarget(library: library, symbol: "_getppid", isWeakImport: true)),
      address(layout.data, 0): .symbol(MachOBindTarget(library: library, symbol: "_getpid")),
      address(layout.data, 0x4010): .address(address(layout.constants, 8)),
    ]
    let edits = try MachOLoaderTables(prepared.file).edits(setting: added.mapValues { $0 })
    return (try prepared.edited(edits, of: prepared.file, as: "edited"), added)
  }

  @Test(arguments: specimens) func `are found by LIEF to have the same ones`(_ specimen: Specimen) async throws {
    let prepared = try await PreparedMachO(specimen)
    defer { withExtendedLifetime(prepared.folder) {} }
    let (file, added) = try withPointers(prepared)
    let pointers = try MachOLoaderTables(file).pointers()
    for (address, pointer) in added { #expect(pointers[address] == pointer) }
    let lines = try lief(pointerListing, [file.name])
    let addresses = Set(lines.map { String($0.split(separator: " ")[1]) })
    #expect(addresses == Set(pointers.keys.map { "\($0)" }))
    let binds = pointers.compactMap { address, pointer -> String? in
      guard case .symbol(let target) = pointer else { return nil }
      return "bind \(address) \(target.symbol) \(target.addend)"
    }
    expectSame(binds.sorted(), Set(lines.filter { $0.hasPrefix("bind ") }).sorted())
    for case (let address, .address(let target)) in added {
      #expect(lines.contains("rebase \(address) \(target)"), "\(address)")
    }
  }

  @Test(arguments: specimens) func `are found by llvm-objdump to have the same ones`(
    _ specimen: Specimen
  ) async throws {
    let prepared = try await PreparedMachO(specimen)
    defer { withExtendedLifetime(prepared.folder) {} }
    let (file, added) = try withPointers(prepared)
    let options =
      try file.chainedFixups() == nil ? ["--rebase", "--bind", "--lazy-bind", "--weak-bind"] : ["--dyld-info"]
    let text = try Tool.run(try Tool.inToolchain("llvm-objdump"), ["--macho"] + options + [file.name])
    let rows = text.lines.filter { $0.hasPrefix("__") }.map { $0.lowercased().split(separator: " ").map(String.init) }
    #expect(Set(rows.map { $0[2] }) == Set(try MachOLoaderTables(file).pointers().keys.map { "\($0)" }))
    for case (let address, .symbol(let target)) in added {
      #expect(rows.contains { $0[2] == "\(address)" && $0.contains(target.symbol) }, "\(address)")
    }
    for case (let address, .address) in added { #expect(rows.contains { $0[2] == "\(address)" }, "\(address)") }
  }

  /// codesign_allocate lays a signature only into images whose `__LINKEDIT` is in the order of cctools' checkout.c.
  @Test(arguments: specimens) func `can be signed by Apple's tools, as they were prepared and after`(
    _ specimen: Specimen
  ) async throws {
    let prepared = try await PreparedMachO(specimen)
    defer { withExtendedLifetime(prepared.folder) {} }
    let (file, _) = try withPointers(prepared)
    for path in [prepared.originalPath, prepared.path, file.name] {
      let found = try lief(layoutCheck, [path])
      #expect(found == ["True"], "\(path)")
    }
  }
}

private let pointerListing = """
  import lief
  image = lief.MachO.parse(sys.argv[1]).at(0)
  origin = lief.MachO.Relocation.ORIGIN
  for relocation in image.relocations:
      if relocation.origin == origin.CHAINED_FIXUPS:
          print("rebase 0x%x 0x%x" % (relocation.address, relocation.target))
      elif relocation.origin == origin.DYLDINFO:
          word = bytes(image.get_content_from_virtual_address(relocation.address, 8))
          print("rebase 0x%x 0x%x" % (relocation.address, int.from_bytes(word, "little")))
  for bind in image.bindings:
      extra = bind.sign_extended_addend if hasattr(bind, "sign_extended_addend") else 0
      print("bind 0x%x" % bind.address, bind.symbol.name, bind.addend + extra)
  """

private let layoutCheck = """
  import lief
  (is_right, message) = lief.MachO.check_layout(lief.MachO.parse(sys.argv[1]).at(0))
  print(is_right if is_right else message)
  """
