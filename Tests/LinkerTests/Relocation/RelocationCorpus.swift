import Addressing
import Foundation
import ObjectFile
import Testing

@testable import Linker

/// One way to compile and link the programs in Tests/Fixtures/relocation.
struct CorpusBuild: Hashable, Sendable, CustomTestStringConvertible {
  var compiler: String
  var flags: String
  var linkFlag: String

  var testDescription: String { "\(compiler) \(flags), linked \(linkFlag)" }
  var isShared: Bool { linkFlag == "-shared" }

  /// Every kind of position independence and thread-local access, at every level of optimisation at least once.
  static let all: [CorpusBuild] = {
    let variants: [(flags: String, linkFlag: String)] = [
      ("-O0 -fPIE", "-pie"), ("-O1 -fPIE", "-pie"), ("-O3 -fPIE -fcf-protection", "-pie"),
      ("-O0 -fno-pie", "-no-pie"), ("-O2 -fno-pie", "-no-pie"), ("-Os -fPIC -fno-plt -fcf-protection", "-no-pie"),
      ("-O2 -fPIC", "-pie"), ("-O2 -fPIC -fno-plt", "-pie"), ("-O0 -fPIC -fno-plt", "-pie"),
      ("-O2 -fPIC -mtls-dialect=gnu2", "-pie"), ("-O2 -fPIC -ftls-model=local-dynamic -fno-plt", "-pie"),
      ("-O2 -fPIC", "-shared"), ("-O2 -fPIC -fno-plt -fcf-protection", "-shared"),
    ]
    return variants.flatMap { variant in
      ["gcc", "clang"].map { CorpusBuild(compiler: $0, flags: variant.flags, linkFlag: variant.linkFlag) }
    }
  }()

  /// What `-fuse-ld=` takes; those of the four that this machine has.
  static let linkers: [String] = {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return [("bfd", "ld.bfd"), ("lld", "ld.lld"), ("gold", "ld.gold"), ("mold", "mold")].compactMap { name, tool in
      folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)") } ? name : nil
    }
  }()
}

/// The compiled programs, in a folder that goes when this goes.
final class CorpusObjects {
  let build: CorpusBuild
  private let folder: URL

  init(_ build: CorpusBuild) throws {
    self.build = build
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("relocation-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let sources = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../Fixtures/relocation").standardized
    for name in ["main", "other"] {
      let arguments = build.flags.split(separator: " ").map(String.init) + ["-ffunction-sections", "-c", "-o"]
      try run(build.compiler, arguments + [path(name + ".o"), sources.appendingPathComponent(name + ".c").path])
    }
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  func linked(by linker: String) throws -> BuiltCorpus {
    let path = path(linker)
    try run("gcc", [build.linkFlag, "-fuse-ld=\(linker)", "-o", path, self.path("main.o"), self.path("other.o")])
    return BuiltCorpus(
      objects: self, object: try ELFFile(MappedFile(path: self.path("main.o"))),
      image: try ELFFile(MappedFile(path: path)),
      imagePath: path)
  }
}

/// An object file and the image that it was linked into.
struct BuiltCorpus {
  /// Keeps the files.
  let objects: CorpusObjects
  let object: ELFFile
  let image: ELFFile
  let imagePath: String
}

struct CommandFailure: Error, CustomStringConvertible {
  var description: String
}

/// Runs a command found on the path, and gives its standard output and exit status.
@discardableResult
func run(_ command: String, _ arguments: [String], mustSucceed: Bool = true) throws -> (output: String, status: Int32) {
  var (output, status) = try runOnce(command, arguments, merging: mustSucceed)
  // A child of another test may hold the file that was just written, between its fork and its exec (ETXTBSY).
  for _ in 0..<600 where status == 126 {
    Thread.sleep(forTimeInterval: 0.1)
    (output, status) = try runOnce(command, arguments, merging: mustSucceed)
  }
  if mustSucceed, status != 0 {
    throw CommandFailure(description: ([command] + arguments + ["→ \(status):", output]).joined(separator: " "))
  }
  return (output, status)
}

private func runOnce(
  _ command: String, _ arguments: [String], merging: Bool
) throws -> (output: String, status: Int32) {
  let process = Process()
  let pipe = Pipe()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = [command] + arguments
  process.standardOutput = pipe
  if merging { process.standardError = pipe }
  try process.run()
  let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  let status = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
  return (output, status)
}

/// A function of the object, with its place in the image.
struct CorpusFunction {
  var name: String
  var bytes: [UInt8]
  var relocations: [AtomRelocation]
  var place: VirtualAddress
  var placed: [UInt8]
}

extension BuiltCorpus {
  /// Functions whose section holds nothing else, which is what -ffunction-sections gives.
  func functions() throws -> [CorpusFunction] {
    guard let symbols = try object.symbolTable(.static) else { return [] }
    let relocationSections = try object.relocationSections()
    let places = try imageSymbols()
    return try symbols.compactMap { symbol in
      guard symbol.kind == .function, symbol.value == 0, case .section(let index) = symbol.place else { return nil }
      let name = try symbols.name(of: symbol)
      let section = try object.section(at: index)
      guard section.byteCount == symbol.byteCount, let place = places[name] else { return nil }
      let relocations = try relocationSections[index].map { try object.relocations(of: $0) }
      return CorpusFunction(
        name: name, bytes: try object.contents(of: section).allBytes,
        relocations: relocations?.map(AtomRelocation.init) ?? [],
        place: VirtualAddress(place.value),
        placed: try image.bytes(at: VirtualAddress(place.value), count: section.byteCount).allBytes)
    }
  }

  /// The image's defined symbols of a name that stands but once.
  func imageSymbols() throws -> [String: ELFSymbol] {
    guard let symbols = try image.symbolTable(.static) else { return [:] }
    var found: [String: [ELFSymbol]] = [:]
    for symbol in symbols where symbol.isDefined { found[try symbols.name(of: symbol), default: []].append(symbol) }
    return found.compactMapValues { $0.count == 1 ? $0.first : nil }
  }

  /// By index; empty for the symbols of sections.
  func objectSymbolNames() throws -> [String] {
    guard let symbols = try object.symbolTable(.static) else { return [] }
    return try symbols.map { $0.kind == .section ? "" : try symbols.name(of: $0) }
  }

  /// How far below the thread pointer the image's thread-local block begins.
  func threadBlockByteCount() -> Int64 {
    guard let segment = image.segments.first(where: { $0.type == .threadLocal }) else { return 0 }
    let alignment = max(segment.alignment, 1)
    return Int64((segment.memoryByteCount + alignment - 1) / alignment * alignment)
  }
}

extension AtomRelocation {
  /// A record of an object's section that is one atom.
  init(_ record: ELFRelocation) {
    self.init(
      offset: Int(clamping: record.offset), type: record.type, symbol: record.symbolIndex, addend: record.addend)
  }
}
