import Foundation
import Journal
import Testing

@testable import Linker

/// What compilers write for other ways to reach data: linked, or refused by name before anything is written.
@Suite struct CodeModelTests {
  struct Way: Sendable, CustomTestStringConvertible {
    var compiler: String
    var flags: [String]
    var link: String
    /// What the edit is refused as, and a word of the message; nil where it is linked.
    var refusal: (code: LinkError.Code, word: String)?

    var testDescription: String { "\(compiler) \(flags.joined(separator: " "))" }

    private static let arm = "aarch64-linux-gnu-gcc"
    private static let plain = ["-fno-section-anchors"]

    static let all: [Way] = [
      Way(compiler: arm, flags: plain + ["-fPIC"], link: "-pie"),
      Way(compiler: arm, flags: plain + ["-fPIE", "-ftls-model=initial-exec"], link: "-pie"),
      Way(compiler: arm, flags: plain + ["-fPIC", "-mtls-dialect=trad"], link: "-pie"),
      Way(
        compiler: arm, flags: plain + ["-fPIC", "-mtls-dialect=trad", "-ftls-model=local-dynamic"], link: "-pie"),
      Way(compiler: arm, flags: ["-fPIC"], link: "-pie", refusal: (.sectionAnchors, "-fno-section-anchors")),
      Way(compiler: arm, flags: plain + ["-fpic"], link: "-pie"),
      Way(
        compiler: arm, flags: plain + ["-fno-pie", "-mcmodel=tiny"], link: "-no-pie",
        refusal: (.relocationOutOfRange, "-fPIC")),
      Way(
        compiler: arm, flags: plain + ["-fno-pie", "-mcmodel=large"], link: "-no-pie",
        refusal: (.directReferenceToImport, "environ")),
      Way(
        compiler: arm, flags: plain + ["-fno-pie"], link: "-no-pie", refusal: (.directReferenceToImport, "environ")),
      Way(
        compiler: "gcc", flags: ["-fno-pie", "-mcmodel=large"], link: "-no-pie",
        refusal: (.directReferenceToImport, "environ")),
      Way(
        compiler: "gcc", flags: ["-fPIE", "-mcmodel=large"], link: "-pie", refusal: (.unsupportedRelocation, "")),
    ]
  }

  private static let source = """
    extern char **environ;
    __thread int own = 3;
    static __thread int mine = 4;
    int values[4] = {1, 2, 3, 4};
    __attribute__((noinline)) int tls(int n) { own += n; mine += EDIT ? 2 * n : n; return own + mine; }
    __attribute__((noinline)) int got(int n) { return values[n & 3] * (EDIT ? 7 : 3); }
    __attribute__((noinline)) int outside(int n) { return EDIT ? n + (environ != 0) : n; }
    int main(void) { return tls(1) + got(2) + outside(3); }

    """

  @Test("each way to reach data is linked, or refused by name", arguments: Way.all)
  func ways(_ way: Way) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    try Data(Self.source.utf8).write(to: URL(fileURLWithPath: path("a.c")))
    func compile(_ edit: Int) throws {
      try run(
        [way.compiler, "-O1", "-ffunction-sections", "-falign-functions=16"] + way.flags + [
          "-DEDIT=\(edit)", "-c", path("a.c"), "-o", path("a.o"),
        ])
    }
    try compile(0)
    try run([way.compiler, way.link, "-o", path("image"), path("a.o")])
    let store = try ImageAdoption.adopt(
      imageAt: path("image"), preparedPath: path("image.hot"), journalPath: path("image.hcsj"),
      room: ArenaRoom(codeByteCount: 1 << 18)
    ).store
    try compile(1)
    let linker = try IncrementalLinker(store: store, parent: store.base.digest)
    let description = IncrementalLinker.Description(time: 0, author: "", message: "")
    guard let refusal = way.refusal else {
      let content = try linker.link(objectsAt: [path("a.o")], description).content
      let names = try #require(content).atoms.map(\.atom.name)
      #expect(["tls", "got", "outside"].allSatisfy(names.contains))
      return
    }
    let error = #expect(throws: LinkError.self) { try linker.link(objectsAt: [path("a.o")], description) }
    #expect(error?.code == refusal.code)
    #expect(error?.description.contains(refusal.word) == true || refusal.word.isEmpty, "\(String(describing: error))")
  }

  private func run(_ words: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(words)")
  }
}
