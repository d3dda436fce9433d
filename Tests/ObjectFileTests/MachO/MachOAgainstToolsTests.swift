import Foundation
import ObjectFile
import Testing

/// Real files, field by field, against what LIEF says of them.
struct `Mach-O files read as LIEF reads them` {
  private static let lief = Specimen.pythonPackage("lief-1.0.0")
  private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../Fixtures/macho/lief-listing.py").path

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: lief), "scripts/install-python lief 1.0.0 judges, and was not run"),
    arguments: Specimen.machO)
  func `every field of header, commands, segments, sections, symbols and tables`(_ specimen: Specimen) async throws {
    let ours = try MachOListing.fields(await specimen.machO())
    let theirs = try Tool.run("python3", [Self.script, Self.lief, await specimen.path()]).lines.dropLast()
    expectSame(ours, theirs.map(String.init))
  }
}

@Suite(.enabled(if: Tool.isInstalled("llvm-objdump"), "llvm-objdump judges, and is not installed"))
struct `Mach-O files read as the tools of LLVM read them` {
  @Test(arguments: Specimen.machO)
  func `every symbol and what kind it is`(_ specimen: Specimen) async throws {
    let ours = try MachOListing.names(await specimen.machO())
    let theirs = try Tool.run("llvm-nm", ["-m", "-p", await specimen.path()]).lines
    expectSame(ours, theirs.map(\.collapsed).filter { !$0.isEmpty })
  }

  @Test(arguments: Specimen.machOObjects)
  func `every relocation of every section`(_ specimen: Specimen) async throws {
    let file = try await specimen.machO()
    var theirs: [String: [String]] = [:]
    var section = ""
    for line in try Tool.run("llvm-objdump", ["--macho", "--reloc", await specimen.path()]).lines {
      if line.hasPrefix("Relocation information (") {
        section = String(line.dropFirst("Relocation information (".count).prefix { $0 != ")" })
      } else if line.first?.isHexDigit == true, !line.hasPrefix("address") {
        // Columns run together where a name fills its own.
        theirs[section, default: []].append(
          line.replacingOccurrences(of: "False", with: " False").replacingOccurrences(of: "True", with: " True")
            .collapsed)
      }
    }
    #expect(!theirs.isEmpty)
    for section in file.sections {
      expectSame(try MachOListing.relocations(file, section), theirs[section.fullName] ?? [], section.fullName)
    }
  }

  @Test(arguments: Specimen.machOLinked + Specimen.machOIncremental)
  func `every indirect symbol`(_ specimen: Specimen) async throws {
    let theirs = try Tool.run("llvm-objdump", ["--macho", "--indirect-symbols", await specimen.path()]).lines
    let ours = try MachOListing.indirectSymbols(await specimen.machO())
    #expect(!ours.isEmpty)
    expectSame(ours, theirs.filter { $0.hasPrefix("0x") }.map(\.collapsed))
  }

  @Test(arguments: Specimen.machO)
  func `every section header`(_ specimen: Specimen) async throws {
    let file = try await specimen.machO()
    let ours = file.sections.map { section in
      "\(section.name) \(section.segmentName) 0x\(hex(section.address.rawValue).uppercased()) "
        + "0x\(hex(section.byteCount).uppercased()) \(section.fileOffset.rawValue) "
        + "\(section.alignment.trailingZeroBitCount) 0x\(hex(section.type.rawValue).uppercased())"
    }
    let wanted = ["Name", "Segment", "Address", "Size", "Offset", "Alignment", "Type"]
    var theirs: [String] = []
    for line in try Tool.run("llvm-readobj", ["--sections", await specimen.path()]).lines {
      let parts = line.collapsed.split(separator: " ", maxSplits: 1)
      guard let key = parts.first?.dropLast(), wanted.contains(String(key)) else { continue }
      var value = parts.count > 1 ? String(parts[1]) : ""
      // Names have their bytes behind them, types are named and have their number behind the name.
      if key == "Type" { value = String(value.split { "()".contains($0) }.last ?? "") }
      if key == "Name" || key == "Segment" { value = String(value.split(separator: " (").first ?? "") }
      if key == "Name" { theirs.append(value) } else if !theirs.isEmpty { theirs[theirs.count - 1] += " " + value }
    }
    expectSame(ours, theirs)
  }
}
