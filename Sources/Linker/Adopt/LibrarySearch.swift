import Foundation
import Journal
import ObjectFile

/// Finds the shared libraries that an image loads, on this machine's disk, as ld.so(8) looks for them: run path, then
/// the cache's folders, then the standard ones. `LD_LIBRARY_PATH` is the caller's to add: libraries read no environment.
struct LibrarySearch {
  private let folders: [String]
  private let machine: ELFMachine

  init(for machine: ELFMachine, additionalFolders: [String]) {
    self.machine = machine
    folders = additionalFolders + Self.configuredFolders() + Self.standardFolders(for: machine)
  }

  /// With those where Debian puts the libraries of another architecture, its own (multiarch) and a cross compiler's.
  private static func standardFolders(for machine: ELFMachine) -> [String] {
    let name = machine == .aarch64 ? "aarch64-linux-gnu" : "x86_64-linux-gnu"
    return [
      "/lib/\(name)", "/usr/lib/\(name)", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/\(name)/lib",
    ]
  }

  /// Breadth first, as the loader's global scope is ordered.
  func libraries(of file: ELFFile, at path: String) throws(ObjectFileError) -> [BaseContent.Library] {
    var result: [BaseContent.Library] = []
    var seen: Set<String> = []
    var queue: [(file: ELFFile, path: String)] = [(file, path)]
    while !queue.isEmpty {
      let (current, currentPath) = queue.removeFirst()
      guard let dynamic = try current.dynamic() else { continue }
      let own = try runPath(dynamic, origin: Self.folder(of: currentPath))
      for name in try dynamic.needed() where seen.insert(name).inserted {
        guard let found = locate(name, own) else {
          result.append(BaseContent.Library(soname: name, path: nil, buildID: nil))
          continue
        }
        result.append(BaseContent.Library(soname: name, path: found.path, buildID: found.file.buildID))
        queue.append(found)
      }
    }
    return result
  }

  private func runPath(_ dynamic: ELFDynamic, origin: String) throws(ObjectFileError) -> [String] {
    var text = try dynamic.runpath()
    if text == nil { text = try dynamic.rpath() }
    return (text ?? "").split(separator: ":").map {
      $0.replacingOccurrences(of: "$ORIGIN", with: origin).replacingOccurrences(of: "${ORIGIN}", with: origin)
    }
  }

  private static func folder(of path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.deletingLastPathComponent().path
  }

  private func locate(_ name: String, _ own: [String]) -> (file: ELFFile, path: String)? {
    let candidates = name.contains("/") ? [name] : (own + folders).map { "\($0)/\(name)" }
    for path in candidates {
      // A library of another class or machine by the same name is passed over, as the loader does.
      guard let mapped = try? MappedFile(path: path), let file = try? ELFFile(mapped),
        file.header.machine == machine
      else { continue }
      return (file, path)
    }
    return nil
  }

  /// The folders named in ld.so.conf.d, which the loader's cache is made from.
  private static func configuredFolders() -> [String] {
    let folder = "/etc/ld.so.conf.d"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().flatMap { name -> [String] in
      guard let text = try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8) else { return [] }
      return text.split(separator: "\n").map(String.init).filter { $0.hasPrefix("/") }
    }
  }
}
