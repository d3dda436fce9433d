import Foundation
import Journal
import ObjectFile

/// Finds what describes the libraries that a Mach-O image loads. On macOS itself their files are not on the disk (they are in
/// the loader's shared cache): an SDK has descriptions of them (`.tbd`), a program's own libraries are files.
struct MachOLibrarySearch {
  /// Folders (an SDK, or what holds libraries), and files.
  let paths: [String]
  let machine: MachOMachine

  /// In the order in which the image's binds count them; those that are found nowhere have no path.
  func libraries(of file: MachOFile) throws(ObjectFileError) -> [BaseContent.Library] {
    try file.libraries().map { library in
      let found = candidates(library.name).first { path in
        (try? MachOLibraryDescription(path: path, machine: machine))?.names.contains(library.name) ?? false
      }
      return BaseContent.Library(
        soname: library.name, path: found.map { URL(fileURLWithPath: $0).standardizedFileURL.path }, buildID: nil)
    }
  }

  private func candidates(_ installName: String) -> [String] {
    let last = URL(fileURLWithPath: installName).lastPathComponent
    return paths.flatMap { path -> [String] in
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return [] }
      guard isFolder.boolValue else { return [path] }
      return [installName, "/\(last)"].flatMap { name in
        [path + Self.stub(name), path + name]
      }.filter { FileManager.default.fileExists(atPath: $0) }
    }
  }

  /// As SDKs name it: `libz.1.tbd` for `libz.1.dylib`, `Foundation.tbd` for a framework's `Foundation`.
  private static func stub(_ installName: String) -> String {
    (installName.hasSuffix(".dylib") ? String(installName.dropLast(6)) : installName) + ".tbd"
  }
}

/// What a file says of the libraries in it.
struct MachOLibraryDescription {
  private enum Content {
    case stubs([MachOLibraryStub])
    case image(name: String, trie: MachOExportTrie?, reexports: [String])
  }

  private let content: Content

  init(path: String, machine: MachOMachine) throws(ObjectFileError) {
    let mapped = try MappedFile(path: path)
    if MachOLibraryStub.isStub(mapped) {
      content = .stubs(try MachOLibraryStub.all(in: mapped, for: machine))
      return
    }
    let file = try MachOFile(mapped)
    content = .image(
      name: try file.libraryIdentity()?.name ?? "", trie: try file.exportTrie(),
      reexports: try file.libraries().filter { $0.kind == .reexported }.map(\.name))
  }

  var names: [String] {
    switch content {
    case .stubs(let stubs): stubs.map(\.name)
    case .image(let name, _, _): [name]
    }
  }

  /// Install names of what a library of the file passes on.
  func reexports(of library: String) -> [String] {
    switch content {
    case .stubs(let stubs): stubs.first { $0.name == library }?.reexports ?? []
    case .image(_, _, let reexports): reexports
    }
  }

  func export(named name: String, of library: String) throws(ObjectFileError) -> MachOLibraryStub.Export? {
    switch content {
    case .stubs(let stubs): return stubs.first { $0.name == library }?.export(named: name)
    case .image(_, let trie, _):
      guard let export = try trie?.export(named: name) else { return nil }
      return export.flags.contains(.threadLocal) ? .threadLocal : .ordinary
    }
  }
}
