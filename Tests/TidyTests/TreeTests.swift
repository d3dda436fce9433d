import Testing

/// What a reader would otherwise have to police.
@Suite struct TreeTests {
  /// The law between the rooms (docs/design.md).
  private static let law: [String: Set<String>] = [
    "Addressing": [],
    "Journal": ["Addressing", "CLZ4"],
    "ObjectFile": ["Addressing"],
    "Linker": ["Addressing", "Journal", "ObjectFile", "CCapstone"],
    "Applier": ["Addressing", "Journal", "ObjectFile", "CLinuxTask"],
    "hcs-journal": ["Addressing", "Journal", "ObjectFile", "Linker", "Applier"],
  ]

  private static let rooms = Set(law.keys).union(["CLZ4", "CCapstone", "CLinuxTask"])

  @Test func `every room imports only the rooms that it may know`() throws {
    let sources = try SourceTree("Sources")
    #expect(sources.files.count > 100)
    for file in sources.files {
      let allowed = try #require(Self.law[file.module], "\(file.path) is in a room that the law does not name")
      for name in file.imports where Self.rooms.contains(name) {
        #expect(allowed.contains(name), "\(file.path) imports \(name)")
      }
    }
  }

  @Test(arguments: ["CLZ4", "CCapstone", "CLinuxTask"])
  func `one file imports a C library`(_ library: String) throws {
    let importers = try SourceTree("Sources").files.filter { $0.imports.contains(library) }
    #expect(importers.count == 1, "\(importers.map(\.path))")
  }

  @Test func `the model of an update imports nothing but addresses`() throws {
    for file in try SourceTree("Sources/Journal/Model").files {
      #expect(Set(file.imports).isSubset(of: ["Addressing"]), "\(file.path) imports \(file.imports)")
    }
  }

  @Test func `a system is named only in files that are named for it`() throws {
    for file in try SourceTree("Sources").files where !file.path.contains("Linux") && !file.path.contains("Darwin") {
      #expect(!file.lines.contains { $0.contains("#if os(") }, "\(file.path)")
    }
  }

  @Test func `no file asks for the architecture that it runs on`() throws {
    for file in try SourceTree("Sources").files {
      #expect(!file.lines.contains { $0.contains("#if arch(") }, "\(file.path)")
    }
  }

  @Test func `no file has outgrown one idea`() throws {
    for file in try SourceTree("Sources").files {
      #expect(file.lines.count <= 500, "\(file.path) has \(file.lines.count) lines")
    }
  }

  @Test(arguments: ["try!", "as!", "fatalError(", "print(", "ProcessInfo.processInfo.environment", "getenv("])
  func `the libraries neither trap, print nor read the environment`(_ forbidden: String) throws {
    for file in try SourceTree("Sources").files where file.module != "hcs-journal" {
      let lines = file.lines.filter { !$0.drop(while: { $0 == " " }).hasPrefix("//") }
      #expect(!lines.contains { $0.contains(forbidden) }, "\(file.path) has \(forbidden)")
    }
  }
}
