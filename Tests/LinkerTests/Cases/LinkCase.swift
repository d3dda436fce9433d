import Foundation
import Testing

/// A program of Tests/Fixtures/objects and its edits: C sources that the macro `EDIT` (0 is the base) tells apart.
///
/// What is expected stands in them, in lines that begin with `//#`:
///
///     //# about: a sentence
///     //# edits: 2                                one if absent
///     //# build: gcc clang | -O2 -fPIE | -pie     compilers, their flags, the linker's; may be repeated
///     //# matrix: none                            no other builds in the long run
///     //# arm64: none                             nor any for arm64
///     //# edit flags: -g                          for the objects of edits only
///     //# give 2: other.c                         the objects linked at an edit; all that mention EDIT if absent
///     //# library: helper.c                       a shared library that the program is linked with
///     //# unlike 1: why a clean build is not compared
///     //# output 1: a line                        of standard output; repeated for several lines
///     //# atoms 1: moved f; added g               all changes of named atoms, in any order
///     //# has 1: moved f                          some of them
///     //# literals 1: 2                           how many strings and other nameless constants are placed
///     //# guard 1: branchIntoEntryStub f
///     //# note 1: constantMoved names
///     //# refuse: variableSizeChanged counter     the code at the last edit, and what its text must name
///     //# room: cells 4                           of the arena, where less than the standard one is wanted
struct LinkCase: Sendable, CustomTestStringConvertible {
  let name: String
  /// Paths, the first holds `main`.
  let sources: [String]
  private(set) var about = ""
  private(set) var editCount = 1
  private(set) var builds: [CaseBuild] = []
  /// What it tells hangs on its own flags.
  private(set) var isBoundToBuilds = false
  /// C alone: no assembly, and no C++, whose library a cross compiler would need.
  private(set) var isForARM64 = true
  private(set) var editFlags: [String] = []
  private(set) var libraries: Set<String> = []
  private(set) var room: [String: UInt64] = [:]
  private(set) var refusal: (code: String, naming: [String])?
  /// By edit.
  private(set) var given: [Int: [String]] = [:]
  private(set) var outputs: [Int: String] = [:]
  private(set) var atoms: [Int: Set<String>] = [:]
  private(set) var someAtoms: [Int: Set<String>] = [:]
  private(set) var literals: [Int: Int] = [:]
  private(set) var guards: [Int: [String]] = [:]
  /// All guards for -fipa-ra, and no others: function and direction.
  private(set) var registers: [Int: Set<String>] = [:]
  private(set) var notes: [Int: [String]] = [:]
  /// Edits whose objects do not make a program with the others.
  private(set) var unlike: Set<Int> = []
  private var edited: Set<String> = []

  var testDescription: String { name }

  init(name: String, sources: [String]) throws {
    self.name = name
    self.sources = sources
    for path in sources {
      let text = try String(contentsOfFile: path, encoding: .utf8)
      if text.contains("EDIT") { edited.insert(path) }
      for line in text.split(separator: "\n") where line.hasPrefix("//#") || line.hasPrefix("##") {
        try read(String(line.drop { $0 == "/" || $0 == "#" }).trimmingCharacters(in: .whitespaces), in: path)
      }
    }
    if builds.isEmpty { builds = CaseBuild.standard }
    if sources.contains(where: { !$0.hasSuffix(".c") }) { isForARM64 = false }
  }

  /// The sources whose objects are linked at an edit.
  func sources(givenAt edit: Int) -> [String] {
    let names = given[edit]
    return programSources.filter { path in
      names.map { $0.contains { path.hasSuffix("/\($0)") } } ?? edited.contains(path)
    }
  }

  func isEdited(_ source: String) -> Bool { edited.contains(source) }

  var programSources: [String] { sources.filter { !libraries.contains(($0 as NSString).lastPathComponent) } }

  var librarySources: [String] { sources.filter { libraries.contains(($0 as NSString).lastPathComponent) } }

  // MARK: Directives

  private mutating func read(_ line: String, in path: String) throws {
    guard let colon = line.firstIndex(of: ":") else { throw CommandFailure(description: "\(path): \(line)") }
    let key = line[..<colon].split(separator: " ").map(String.init)
    let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    guard let first = key.first else { throw CommandFailure(description: "\(path): \(line)") }
    if key.count == 2, let edit = Int(key[1]) {
      try read(first, at: edit, value, in: path)
      return
    }
    switch key.joined(separator: " ") {
    case "about": about = value
    case "edits": editCount = Int(value) ?? 1
    case "build": builds += CaseBuild.reading(value)
    case "matrix": isBoundToBuilds = value == "none"
    case "arm64": isForARM64 = value != "none"
    case "edit flags": editFlags = Self.words(value)
    case "library": libraries.insert(value)
    case "refuse":
      let words = Self.words(value)
      refusal = (words.first ?? "", Array(words.dropFirst()))
    case "room":
      let words = Self.words(value)
      room[words.first ?? ""] = words.last.flatMap { UInt64($0) }
    default: throw CommandFailure(description: "\(path): no such directive: \(line)")
    }
  }

  private mutating func read(_ key: String, at edit: Int, _ value: String, in path: String) throws {
    let items = value.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
    switch key {
    case "give": given[edit] = Self.words(value)
    case "output": outputs[edit, default: ""] += value + "\n"
    case "atoms": atoms[edit, default: []].formUnion(items)
    case "has": someAtoms[edit, default: []].formUnion(items)
    case "literals": literals[edit] = Int(value)
    case "guard": guards[edit, default: []].append(value)
    case "registers": registers[edit, default: []].formUnion(items.filter { $0 != "none" })
    case "unlike": unlike.insert(edit)
    case "note": notes[edit, default: []].append(value)
    default: throw CommandFailure(description: "\(path): no such directive: \(key) \(edit)")
    }
  }

  static func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
}

extension LinkCase {
  /// All cases of a folder of Tests/Fixtures/objects; `HCSJ_CASE` names some of them only.
  static func all(in folder: String) throws -> [LinkCase] {
    let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../Fixtures/objects/\(folder)")
      .standardized
    let wanted = ProcessInfo.processInfo.environment["HCSJ_CASE"]
    let names = try FileManager.default.contentsOfDirectory(atPath: root.path).sorted()
    return try names.filter { name in wanted.map { name.hasPrefix($0) } ?? true }.map { name in
      let place = root.appendingPathComponent(name)
      return try LinkCase(name: (name as NSString).deletingPathExtension, sources: sources(at: place))
    }
  }

  /// A file, or the files of a folder and of its folders with the one that holds `main` in front.
  private static func sources(at place: URL) throws -> [String] {
    guard place.pathExtension.isEmpty else { return [place.path] }
    let paths = try FileManager.default.subpathsOfDirectory(atPath: place.path).sorted().filter {
      ["c", "cc", "s", "S"].contains(($0 as NSString).pathExtension)
    }
    return (paths.filter { $0.hasPrefix("main.") } + paths.filter { !$0.hasPrefix("main.") }).map {
      place.appendingPathComponent($0).path
    }
  }
}

/// One way to build a case.
struct CaseBuild: Hashable, Sendable, CustomTestStringConvertible {
  /// `gcc`, `clang`, or one of these for arm64.
  var compiler: String
  var flags: [String]
  var linkFlags: [String]
  /// Named in the case, whose expectations of atoms, notes and guards are meant for it.
  var isNamed = true

  var testDescription: String {
    "\(compiler) \(flags.joined(separator: " ")), linked \(linkFlags.joined(separator: " "))"
  }

  /// `HCSJ_COMPILER` names the compilers of some builds only.
  static func isWanted(_ build: CaseBuild) -> Bool {
    ProcessInfo.processInfo.environment["HCSJ_COMPILER"].map(build.compiler.hasPrefix) ?? true
  }

  var isForARM64: Bool { compiler.hasPrefix("arm64-") }

  /// The command that compiles and links.
  func driver(isCPlusPlus: Bool) -> [String] {
    switch compiler {
    case "gcc": [isCPlusPlus ? "g++" : "gcc"]
    case "arm64-gcc": ["aarch64-linux-gnu-gcc"]
    case "arm64-clang": ["clang", "--target=aarch64-linux-gnu", "--sysroot=/", "-idirafter", Self.root + "/include"]
    default: [isCPlusPlus ? "clang++" : compiler]
    }
  }

  /// Where Debian's cross compiler has its headers and libraries.
  static let root = "/usr/aarch64-linux-gnu"

  /// The command that runs a program.
  func launcher(_ program: String) -> [String] {
    (isForARM64 ? ["qemu-aarch64", "-L", Self.root] : []) + [program]
  }

  /// A case that is meant for any architecture is built for arm64 as well.
  static let arm64 = unnamed([
    "arm64-gcc | -O2 -ffunction-sections -fdata-sections | -pie",
    "arm64-clang | -O2 -ffunction-sections -fPIE | -pie -fuse-ld=lld",
  ])

  static let standard = reading("gcc clang | -O2 -ffunction-sections | -pie")

  static func reading(_ text: String) -> [CaseBuild] {
    let parts = text.split(separator: "|", omittingEmptySubsequences: false).map { LinkCase.words(String($0)) }
    return (parts.first ?? []).map {
      CaseBuild(
        compiler: $0, flags: parts.count > 1 ? parts[1] : [], linkFlags: parts.count > 2 ? parts[2] : [])
    }
  }

  /// What takes long: every level, every kind of position independence, every linker.
  static let matrix: [CaseBuild] = {
    let lines = [
      "gcc clang | -O0 -g -ffunction-sections | -pie", "gcc clang | -O1 -ffunction-sections -fdata-sections | -pie",
      "gcc clang | -O2 -g | -pie", "gcc clang | -O3 -ffunction-sections -fcf-protection | -pie -fuse-ld=lld",
      "gcc clang | -Os -ffunction-sections -fPIC -fno-plt | -pie -fuse-ld=gold",
      "gcc clang | -O2 -ffunction-sections -fno-pie | -no-pie", "gcc clang | -O0 -fno-pie | -no-pie -fuse-ld=lld",
      "gcc clang | -O2 -ffunction-sections -fPIC | -pie -fuse-ld=mold",
      "gcc clang | -O1 -fPIC -fno-plt -ffunction-sections | -no-pie -fuse-ld=mold",
    ]
    return unnamed(lines)
  }()

  static let arm64Matrix = unnamed([
    "arm64-gcc arm64-clang | -O0 -g -fPIE | -pie",
    "arm64-gcc arm64-clang | -O1 -ffunction-sections -fdata-sections -fno-pie | -no-pie",
    "arm64-gcc arm64-clang | -O3 -ffunction-sections -fdata-sections -fPIC -mbranch-protection=standard | -pie",
    "arm64-clang | -Os -fPIE | -pie -fuse-ld=lld",
    "arm64-gcc | -Os -ffunction-sections -fdata-sections -fno-pie | -static",
    "arm64-gcc | -O2 -ffunction-sections -fdata-sections -fpic -mtls-dialect=trad | -pie",
  ])

  private static func unnamed(_ lines: [String]) -> [CaseBuild] {
    lines.flatMap(reading).map {
      var build = $0
      build.isNamed = false
      return build
    }
  }
}
