import Addressing
import Foundation
import Journal
import ObjectFile
import Testing

@testable import Linker

/// Mach-O objects as pieces, compared with what ld64.lld makes of them: every piece stands in the image as its symbol
/// says, and every reference leads where the symbol table has the target.
@Suite struct MachOObjectTests {
  struct Build: Sendable, CustomTestStringConvertible {
    var architecture: BaseImage.Architecture
    var flags: [String]
    var isChained: Bool

    var name: String { architecture == .arm64 ? "arm64" : "x86_64" }
    var testDescription: String { "\(name) \(flags.joined(separator: " "))\(isChained ? ", chained" : "")" }

    static let all: [Build] = [BaseImage.Architecture.arm64, .x86_64].flatMap { architecture in
      [["-O0"], ["-O2"], ["-Os"]].map { Build(architecture: architecture, flags: $0, isChained: false) }
        + [Build(architecture: architecture, flags: ["-O2"], isChained: true)]
    }
  }

  @Test("every piece and every reference of an object is found in the image", arguments: Build.all)
  func matches(_ build: Build) throws {
    let program = try MachOProgram(build)
    for path in program.objects {
      let graph = try program.graph(path)
      #expect(graph.pieces.contains { $0.kind == .code })
      for piece in graph.pieces where !piece.symbols.isEmpty && !piece.isZeroFill {
        let start = try #require(program.place(of: piece), "\(piece.name) in the image")
        let placed = try program.image.bytes(at: start, count: piece.byteCount).all
        let match = try #require(
          build.architecture.machine.match(
            object: piece.bytes, relocations: piece.relocations, placed: placed, at: start,
            isCode: piece.kind == .code),
          "\(piece.name) at \(start)")
        for index in piece.relocations.indices {
          try program.expect(match.references[index], piece, index, of: graph)
        }
      }
    }
    #expect(program.checked > 30, "\(program.checked) references")
  }

  @Test("functions of an object are pieces of their own, with the names that the image has for them")
  func pieces() throws {
    let program = try MachOProgram(Build(architecture: .arm64, flags: ["-O2"], isChained: false))
    let rules = try program.graph(try #require(program.objects.first { $0.hasSuffix("rules.o") }))
    let functions = rules.pieces.filter { $0.kind == .code }.map { $0.symbols.map(\.name) }
    #expect(functions == [["_add"], ["_mix"], ["_turn"], ["_twist"]] || functions.count == 4, "\(functions)")
    #expect(rules.pieces.contains { $0.kind == .constant && $0.name == "_rules" })
    #expect(rules.pieces.contains { $0.kind == .variable && $0.name == "_chosen" })
    #expect(rules.pieces.contains { $0.kind == .literal && $0.bytes == Array("twist\0".utf8) })
    #expect(rules.definitions["_add"] != nil && rules.definitions["_turn"] == nil)
  }

  @Test("an edited function is no match for what stands in the image")
  func edited() throws {
    let build = Build(architecture: .arm64, flags: ["-O2"], isChained: false)
    let program = try MachOProgram(build)
    let graph = try program.graph(try program.compile("rules", edit: 1))
    let add = try #require(graph.pieces.first { $0.name == "_add" })
    let start = try #require(program.place(of: add))
    let placed = try program.image.bytes(at: start, count: add.byteCount).all
    let match = build.architecture.machine.match(
      object: add.bytes, relocations: add.relocations, placed: placed, at: start, isCode: true)
    #expect(match == nil)
  }

  @Test("an object for another machine, and an image, are refused by name")
  func refusals() throws {
    let program = try MachOProgram(Build(architecture: .arm64, flags: ["-O2"], isChained: false))
    let object = try MachOFile(MappedFile(path: program.objects[0]))
    let other = #expect(throws: LinkError.self) { try ObjectGraph(object, path: "a.o", machine: X86Machine()) }
    #expect(other?.code == .wrongArchitecture)
    let image = #expect(throws: LinkError.self) {
      try ObjectGraph(program.image, path: "image", machine: ARM64Machine())
    }
    #expect(image?.code == .notARelocatableObject)
  }
}

extension ByteView {
  fileprivate var all: [UInt8] { get throws { try bytes(at: 0, count: count) } }
}

/// The program of the arm64 session without its `main`, compiled for a Mac and linked by ld64.lld.
private final class MachOProgram {
  let image: MachOFile
  private(set) var objects: [String] = []
  /// References that were found to lead where they should.
  private(set) var checked = 0
  private let build: MachOObjectTests.Build
  private let folder: URL
  private var addresses: [String: VirtualAddress] = [:]

  init(_ build: MachOObjectTests.Build) throws {
    self.build = build
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("macho-\(UUID().uuidString)")
    self.folder = folder
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let paths = try ["rules", "shapes", "state", "text"].map {
      try Self.compile($0, edit: 0, build, into: folder)
    }
    let path = folder.appendingPathComponent("image").path
    _ = try run(
      "ld64.lld",
      [
        "-arch", build.name, "-platform_version", "macos", "12.0", "12.0", "-dylib",
        build.isChained ? "-fixup_chains" : "-no_fixup_chains", "-o", path,
      ] + paths)
    objects = paths
    image = try MachOFile(MappedFile(path: path))
    if let table = try image.symbolTable() {
      for symbol in table where symbol.isDefined {
        addresses[try table.name(of: symbol)] = VirtualAddress(symbol.value)
      }
    }
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private static func compile(
    _ name: String, edit: Int, _ build: MachOObjectTests.Build, into folder: URL
  ) throws -> String {
    let source = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../EndToEnd/arm64/program/\(name).c")
    let path = folder.appendingPathComponent("\(name)\(edit == 0 ? "" : "-edited").o").path
    let target = "\(build.name)-apple-none-macho"
    // With optimization hints, by which a linker rewrites instructions that no relocation marks.
    let processor = build.architecture == .arm64 ? ["-mcpu=apple-m1"] : []
    _ = try run(
      "clang",
      ["-target", target, "-ffreestanding", "-fPIC", "-DEDIT=\(edit)", "-c", "-o", path, source.standardized.path]
        + processor + build.flags)
    return path
  }

  func compile(_ name: String, edit: Int) throws -> String {
    try Self.compile(name, edit: edit, build, into: folder)
  }

  func graph(_ path: String) throws -> ObjectGraph {
    try ObjectGraph(MachOFile(MappedFile(path: path)), path: path, machine: build.architecture.machine)
  }

  /// Where the image's symbol table has a named piece.
  func place(of piece: ObjectPiece) -> VirtualAddress? {
    guard let symbol = piece.symbols.first else { return nil }
    return addresses[symbol.name]?.displaced(by: 0 - Int64(symbol.offset))
  }

  func expect(_ reference: PlacedReference, _ piece: ObjectPiece, _ index: Int, of graph: ObjectGraph) throws {
    let relocation = piece.relocations[index]
    let what = "\(piece.name)+\(relocation.offset) \(build.architecture.machine.name(ofRelocation: relocation.type))"
    var found: VirtualAddress?
    switch reference {
    case .address(let address): found = address
    case .cell(let cell) where !build.isChained:
      found = VirtualAddress(try image.bytes(at: cell, count: 8).load(UInt64.self, at: 0))
    case .absolute(let word) where !build.isChained:
      found = VirtualAddress(word).displaced(by: 0 &- relocation.addend)
    case .cell, .absolute: return
    default: Issue.record("\(what): \(reference)")
    }
    let address = try #require(found, "\(what)")
    switch piece.targets[index] {
    case .external(let name, _): #expect(addresses[name] == address, "\(what) to \(name)")
    case .entry(let target, _), .inner(let target, _):
      let target = graph.pieces[target]
      let start = address.displaced(by: Int64(bitPattern: target.start &- piece.anchors[index]))
      if let place = place(of: target) {
        #expect(start == place, "\(what) to \(target.name)")
      } else if !target.isZeroFill, target.relocations.isEmpty, target.bytes.last == 0 {
        #expect(try image.bytes(at: start, count: target.byteCount).all == target.bytes, "\(what) to a literal")
      }
    case .absolute, .none: Issue.record("\(what): \(piece.targets[index])")
    }
    checked += 1
  }
}
