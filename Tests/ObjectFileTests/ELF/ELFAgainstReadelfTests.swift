import ObjectFile
import Testing

/// Real files, field by field, against what `readelf` says of them.
@Suite(.enabled(if: Tool.isInstalled("readelf"), "readelf judges, and is not installed"))
struct `ELF files read as readelf reads them` {
  @Test(arguments: Specimen.all)
  func `every section header`(_ specimen: Specimen) async throws {
    let ours = ReadelfListing.sections(try await specimen.file())
    #expect(!ours.isEmpty)
    expectSame(ours, try ReadelfOutput.sections(await specimen.path()))
  }

  @Test(arguments: Specimen.all)
  func `every program header`(_ specimen: Specimen) async throws {
    let ours = ReadelfListing.segments(try await specimen.file())
    expectSame(ours, try ReadelfOutput.segments(await specimen.path()))
  }

  @Test(arguments: Specimen.all)
  func `every symbol, with its version`(_ specimen: Specimen) async throws {
    let file = try await specimen.file()
    var tables = 0
    for kind in [ELFFile.SymbolTableKind.static, .dynamic] {
      guard let table = try file.symbolTable(kind) else { continue }
      tables += 1
      let theirs = try ReadelfOutput.symbols(await specimen.path(), table: kind == .static ? ".symtab" : ".dynsym")
      expectSame(try ReadelfListing.symbols(table, of: file), theirs)
    }
    #expect(tables > 0)
  }

  @Test(arguments: Specimen.all)
  func `every relocation of every section`(_ specimen: Specimen) async throws {
    let file = try await specimen.file()
    var ours: [(section: String, records: [String])] = []
    for section in file.sections where section.byteCount > 0 {
      switch section.type {
      case .relocationsWithAddends, .relocations:
        ours.append((file.name(of: section), ReadelfListing.relocations(try file.relocations(of: section))))
      case .relativeRelocations:
        let addresses = try #require(try file.dynamicRelocations()).relative.map { hex($0.rawValue, 16) }
        ours.append((file.name(of: section), addresses))
      default: break
      }
    }
    let theirs = try ReadelfOutput.relocations(await specimen.path())
    #expect(ours.map(\.section) == theirs.map(\.section))
    for (mine, their) in zip(ours, theirs) {
      expectSame(mine.records, their.records, mine.section)
    }
  }

  @Test(arguments: Specimen.all)
  func `every group and its members`(_ specimen: Specimen) async throws {
    let file = try await specimen.file()
    let ours = try file.groups().map { group -> String in
      let kind = group.isComdat ? "COMDAT group" : "group"
      return "\(kind) \(group.sectionIndex) \(group.signature) \(group.members)"
    }
    expectSame(ours, try groupsOfReadelf(await specimen.path()))
  }

  private func groupsOfReadelf(_ path: String) throws -> [String] {
    var result: [(head: String, members: [Int])] = []
    for line in try Tool.run("readelf", ["-gW", path]).lines {
      let text = line.collapsed
      if text.contains("group section [") {
        let kind = text.hasPrefix("COMDAT") ? "COMDAT group" : "group"
        let words = text.split { "[]".contains($0) }
        result.append(("\(kind) \(words[1].collapsed) \(words[3])", []))
      } else if text.hasPrefix("["), let index = Int(text.dropFirst().prefix { $0 != "]" }.collapsed), !result.isEmpty {
        result[result.count - 1].members.append(index)
      }
    }
    return result.map { "\($0.head) \($0.members)" }
  }

  @Test(arguments: Specimen.all)
  func `every entry of the dynamic section`(_ specimen: Specimen) async throws {
    let dynamic = try await specimen.file().dynamic()
    let theirs = try Tool.run("readelf", ["-dW", await specimen.path()]).lines.filter { $0.hasPrefix(" 0x") }
    let tags = theirs.map { UInt64($0.split(separator: " ")[0].dropFirst(2), radix: 16) ?? 0 }
    // readelf prints the closing DT_NULL.
    #expect((dynamic.map { $0.map(\.tag.rawValue) + [0] } ?? []) == tags)
    func bracketed(_ kind: String) -> [String] {
      theirs.filter { $0.contains("(\(kind))") }.compactMap { line in
        line.split { "[]".contains($0) }.dropFirst().first.map(String.init)
      }
    }
    #expect(try dynamic?.needed() ?? [] == bracketed("NEEDED"))
    #expect(try dynamic?.soname() == bracketed("SONAME").first)
    #expect(try dynamic?.runpath() == bracketed("RUNPATH").first)
  }

  @Test(arguments: Specimen.all)
  func `the build identity and the interpreter`(_ specimen: Specimen) async throws {
    let file = try await specimen.file()
    func value(_ option: String, after label: String) throws -> String? {
      let line = try Tool.run("readelf", [option, "-W", specimenPath]).lines.first { $0.contains(label) }
      return line?.split(separator: ":").last.map { $0.collapsed.filter { $0 != "]" } }
    }
    let specimenPath = try await specimen.path()
    #expect(file.buildID.map { $0.map { hex($0, 2) }.joined() } == (try value("-n", after: "Build ID:")))
    #expect(file.interpreter == (try value("-l", after: "program interpreter:")))
  }
}

/// The comparisons above pass over a compiler that is not there; these say so.
struct `Compilers that a machine may lack` {
  @Test(
    .enabled(if: Tool.isInstalled("zig"), "zig is not installed (PyPI: ziglang); its files are not compared"),
    arguments: Specimen.all.filter { $0.name.hasPrefix("zig") })
  func `files of zig are compared`(_ specimen: Specimen) async throws {
    #expect(try await specimen.file().section(named: ".text") != nil)
  }

  @Test(
    .enabled(if: Tool.isInstalled("rustc"), "rustc is not installed; its files are not compared"),
    arguments: Specimen.all.filter { $0.name.hasPrefix("rustc") })
  func `files of rustc are compared`(_ specimen: Specimen) async throws {
    #expect(try await specimen.file().symbolTable(.static) != nil)
  }
}
