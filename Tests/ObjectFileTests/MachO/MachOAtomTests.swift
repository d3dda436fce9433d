import ObjectFile
import Testing

/// How sections are split into what a linker may place.
struct `Atoms of Mach-O files` {
  private func listing(_ name: String, _ section: String, _ segment: String) async throws -> [String] {
    let specimen = try #require(Specimen.machOObjects.first { $0.name.contains(name) })
    let file = try await specimen.machO()
    let table = try #require(try file.symbolTable())
    let section = try #require(file.section(named: section, in: segment))
    return try file.atoms().atoms(of: section).map { atom in
      let names = try (atom.names + []).map { try table.name(of: table[$0]) }.filter { !$0.hasPrefix("ltmp") }
      let others = try atom.alternates.map { try table.name(of: table[$0]) }
      let start = atom.range.start.rawValue - section.address.rawValue
      return "\(start)+\(atom.range.byteCount) " + names.joined(separator: " ")
        + (others.isEmpty ? "" : " (\(others.joined(separator: " ")))")
    }
  }

  @Test func `begin at symbols, but not at alternate entries`() async throws {
    expectSame(try await listing("arm64.s", "__text", "__TEXT"), ["0+48 _first (_inside)", "48+20 _second"])
    expectSame(try await listing("arm64.s", "__data", "__DATA"), ["0+40 _datum", "40+8 _weak"])
    expectSame(try await listing("arm64.s", "__bss", "__DATA"), ["0+100 _zeroes"])
  }

  @Test func `of literals are the literals, named or not`() async throws {
    expectSame(try await listing("arm64.s", "__cstring", "__TEXT"), ["0+4 ", "4+4 _named"])
    expectSame(try await listing("arm64.s", "__literal8", "__TEXT"), ["0+8 ", "8+8 "])
    let unwind = try await listing("x86_64 program.c -O2", "__compact_unwind", "__LD")
    #expect(unwind.count > 3 && unwind.allSatisfy { $0.contains("+32") })
  }

  @Test func `are whole sections where an object forbids to split them`() async throws {
    expectSame(try await listing("whole.s", "__text", "__TEXT"), ["0+8 _first (_second)"])
  }

  /// x86_64.s does not say that it may be split, and has labels that begin with L.
  @Test func `of strings are single strings even there`() async throws {
    expectSame(try await listing("x86_64.s", "__cstring", "__TEXT"), ["0+4 ", "4+4 "])
    expectSame(try await listing("x86_64.s", "__text", "__TEXT"), ["0+88 _first (_inside _second)"])
  }

  @Test(arguments: Specimen.machO) func `cover every byte of their sections once`(_ specimen: Specimen) async throws {
    let file = try await specimen.machO()
    let atoms = try file.atoms()
    for section in file.sections {
      var end = section.address
      for atom in atoms.atoms(of: section) {
        #expect(atom.range.start == end)
        end = atom.range.end
        if !atom.range.isEmpty {
          #expect(atoms.atom(containing: atom.range.start, in: section) == atom)
        }
      }
      #expect(end == section.range.end)
    }
  }

  @Test(arguments: Specimen.machO) func `hold every symbol of their section once`(_ specimen: Specimen) async throws {
    let file = try await specimen.machO()
    let table = try #require(try file.symbolTable())
    let listed = try file.atoms().flatMap { Array($0.names) + Array($0.alternates) }.sorted()
    let wanted = table.filter { symbol in
      guard let ordinal = symbol.sectionOrdinal, !symbol.isDebugging else { return false }
      let range = file.sections[ordinal - 1].range
      return symbol.value >= range.start.rawValue && symbol.value <= range.end.rawValue
    }
    #expect(listed == wanted.map(\.index))
  }

  /// Each function of an image begins an atom, though it has no symbol.
  @Test(arguments: Specimen.machOLinked) func `of an image begin at its functions`(_ specimen: Specimen) async throws {
    let file = try await specimen.machO()
    let starts = Set(try file.atoms().map(\.range.start))
    #expect(try #require(try file.functionStarts()).allSatisfy { starts.contains($0) })
  }

  @Test func `give a symbol its size`() async throws {
    let specimen = try #require(Specimen.machOObjects.first { $0.name.contains("arm64.s") })
    let file = try await specimen.machO()
    let table = try #require(try file.symbolTable())
    let atoms = try file.atoms()
    func size(_ name: String) throws -> UInt64? {
      let symbol = try #require(table.first { table.nameMatches($0, name) })
      return atoms.range(of: symbol, in: file)?.byteCount
    }
    #expect(try size("_first") == 48)
    #expect(try size("_inside") == 8)
    #expect(try size("_hidden") == nil)
    #expect(try size("_far") == nil)
  }
}
