import Foundation

/// Compiles and links a case, in a folder that goes when this goes.
final class CaseFolder {
  private let linkCase: LinkCase
  private let build: CaseBuild
  private let folder: URL
  private var objects: [String: String] = [:]

  init(_ linkCase: LinkCase, _ build: CaseBuild) throws {
    self.linkCase = linkCase
    self.build = build
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("case-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  /// The objects to link at an edit.
  func objects(givenAt edit: Int) throws -> [String] {
    try linkCase.sources(givenAt: edit).map { try object(of: $0, at: edit) }
  }

  /// The program as it would be built from scratch at an edit.
  func image(at edit: Int) throws -> String {
    let image = path("image\(edit)")
    let objects = try linkCase.programSources.map { source in
      try object(of: source, at: linkCase.isEdited(source) ? edit : 0)
    }
    try compile(driver, build.linkFlags + ["-o", image] + objects + (try libraries()) + ["-Wl,--no-as-needed", "-lm"])
    return image
  }

  private var driver: [String] {
    build.driver(isCPlusPlus: linkCase.sources.contains { $0.hasSuffix(".cc") })
  }

  private func compile(_ command: [String], _ arguments: [String]) throws {
    try run(command[0], Array(command.dropFirst()) + arguments)
  }

  /// Sources of one base name lie in folders of their own, and so do their objects: the unit's name is the same.
  private func object(of source: String, at edit: Int) throws -> String {
    let key = "\(source) \(edit)"
    if let known = objects[key] { return known }
    let path = path("object\(objects.count).o")
    var flags = build.flags + ["-w", "-DEDIT=\(edit)"]
    if edit > 0 { flags += linkCase.editFlags }
    let isCPlusPlus = source.hasSuffix(".cc")
    try compile(isCPlusPlus ? driver : build.driver(isCPlusPlus: false), flags + ["-c", "-o", path, source])
    objects[key] = path
    return path
  }

  private func libraries() throws -> [String] {
    try linkCase.librarySources.flatMap { source in
      let name = ((source as NSString).lastPathComponent as NSString).deletingPathExtension
      let path = path("lib\(name).so")
      if !FileManager.default.fileExists(atPath: path) {
        let flags = ["-w", "-O1", "-shared", "-fPIC", "-Wl,-soname,lib\(name).so", "-o", path, source]
        try compile(build.driver(isCPlusPlus: false), flags)
      }
      return [path, "-Wl,-rpath,\(folder.path)"]
    }
  }

  /// What a program prints; how it ended is a line of its own unless it ended well.
  func output(of program: String) throws -> String {
    let (output, status) = try run("timeout", ["60"] + build.launcher(program), mustSucceed: false)
    return status == 0 ? output : output + "ended with \(status)\n"
  }
}
