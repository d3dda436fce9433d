import Addressing
import Foundation
import Journal
import Linker
import ObjectFile

@testable import Applier

/// The session of `Tests/EndToEnd/macho-session.py`: twenty edits of a C program of several files, compiled, recorded one after
/// the other, and each linked anew by the linker that made the first image.
final class LinkedSession {
  enum Producer: CaseIterable {
    case lldChained
    case lldOpcodes
    case zig

    /// Whether two of them link the same objects.
    var compilesWithClang: Bool { self != .zig }
  }

  static let edits = 20

  let store: JournalStore
  let image: EmulatedProgram
  let prepared: EmulatedProgram
  private(set) var updates: [Update] = []
  private let objects: SessionObjects
  private let producer: Producer

  init(_ objects: SessionObjects, _ producer: Producer) throws {
    self.objects = objects
    self.producer = producer
    let path = try objects.linked(0, producer)
    // Rooms of 1 MiB: each page of a process is mapped by itself in the emulator.
    store = try ImageAdoption.adopt(
      imageAt: path, objects: objects.compiled(0), preparedPath: path + ".hot", journalPath: path + ".hcsj",
      room: ArenaRoom(codeByteCount: 1 << 20), libraryPaths: [objects.libraries]
    ).store
    image = try EmulatedProgram(path)
    prepared = try EmulatedProgram(path + ".hot")
  }

  var base: BaseImage { store.base }

  func record(_ edit: Int) throws -> Update {
    let parent = updates.last?.digest ?? base.digest
    let description = IncrementalLinker.Description(time: Int64(edit), author: "", message: "edit \(edit)")
    let linker = try IncrementalLinker(store: store, parent: parent)
    guard let content = try linker.link(objectsAt: objects.compiled(edit), description).content else {
      throw EmulatedProgram.Odd(what: "edit \(edit) did not change anything")
    }
    updates.append(try store.append(content, parent: parent))
    return updates[updates.count - 1]
  }

  func clean(_ edit: Int) throws -> EmulatedProgram { try EmulatedProgram(objects.linked(edit, producer)) }

  /// Where a datum is, or a function's entry, at an edit; nil where the program has no such name.
  func place(_ name: String, at edit: Int) throws -> VirtualAddress? {
    let digest = edit == 0 ? base.digest : updates[edit - 1].digest
    if let placed = try store.placements(named: name, at: digest).last {
      return placed.placement.entry ?? placed.placement.body.start
    }
    return try store.baseSymbols(named: name).first?.address
  }
}

/// The objects of that session, each compiled once, and what is linked of them.
final class SessionObjects {
  private static let sources =
    ["rules", "shapes", "state", "text"].map { "Tests/EndToEnd/arm64/program/\($0).c" }
    + ["Tests/EndToEnd/macho/main.c"]

  private let folder: URL
  private let compilesWithClang: Bool
  private let machine: MachOMachine
  private let zig: String

  init(in folder: URL, compiledWithClang: Bool, for machine: MachOMachine = .arm64) throws {
    self.folder = folder
    self.machine = machine
    compilesWithClang = compiledWithClang
    zig = try ToolRun.pythonPackage("ziglang", "0.14.1") + "/ziglang"
  }

  func compiled(_ edit: Int) throws -> [String] {
    let target = folder.appendingPathComponent("\(edit)")
    let objects = Self.sources.map { source in
      target.appendingPathComponent(URL(fileURLWithPath: source).deletingPathExtension().lastPathComponent + ".o").path
    }
    guard !FileManager.default.fileExists(atPath: target.path) else { return objects }
    try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
    for (source, object) in zip(Self.sources, objects) {
      let flags = ["-O2", "-DEDIT=\(edit)", "-ITests/EndToEnd/arm64/program", "-c", source, "-o", object]
      if compilesWithClang {
        try Self.run("clang", clangFlags + flags)
      } else {
        try Self.run("\(zig)/zig", ["cc", "-target", zigTarget, "-fno-sanitize=all"] + flags)
      }
    }
    return objects
  }

  func linked(_ edit: Int, _ producer: LinkedSession.Producer) throws -> String {
    let path = folder.appendingPathComponent("\(producer)\(edit)").path
    guard !FileManager.default.fileExists(atPath: path) else { return path }
    let objects = try compiled(edit)
    if producer == .zig {
      let flags = ["-target", zigTarget, "-Wl,-headerpad,0x400"]
      try Self.run("\(zig)/zig", ["cc"] + flags + ["-o", path] + objects)
    } else {
      let fixups = producer == .lldChained ? "-fixup_chains" : "-no_fixup_chains"
      try Self.run("ld64.lld", lldFlags + ["-headerpad", "0x400", fixups, "-o", path] + objects)
    }
    return path
  }

  /// What the program imports, in a library of the name that it asks for.
  func library() throws -> EmulatedProgram {
    let source = folder.appendingPathComponent("library.c").path
    let (object, path) = (
      folder.appendingPathComponent("library.o").path, folder.appendingPathComponent("library").path
    )
    try Data(
      "int getpid(void) { return 7; }\nint getppid(void) { return 11; }\nint getpgrp(void) { return 13; }\n"
        .utf8
    )
    .write(to: URL(fileURLWithPath: source))
    try Self.run("clang", clangFlags + ["-O2", "-c", source, "-o", object])
    try Self.run("ld64.lld", lldFlags + ["-dylib", "-install_name", "/usr/lib/libSystem.B.dylib", "-o", path, object])
    return try EmulatedProgram(path)
  }

  private var zigTarget: String { machine == .arm64 ? "aarch64-macos.12.0" : "x86_64-macos.12.0" }
  private var machineName: String { machine == .arm64 ? "arm64" : "x86_64" }

  private var clangFlags: [String] {
    ["-target", "\(machineName)-apple-none-macho", "-fPIC", "-ffreestanding"]
      + (machine == .arm64 ? ["-mcpu=apple-m1"] : [])
  }

  private var lldFlags: [String] {
    [
      "-arch", machineName, "-platform_version", "macos", "12.0", "12.0", "-adhoc_codesign",
      libraries,
    ]
  }

  /// The description of libSystem.
  var libraries: String { "\(zig)/lib/libc/darwin/libSystem.tbd" }

  private static func run(_ program: String, _ arguments: [String]) throws {
    let run = try ToolRun(program, arguments)
    guard run.status == 0 else { throw EmulatedProgram.Odd(what: run.output) }
  }
}
