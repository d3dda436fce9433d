import Foundation
import ObjectFile
import Testing

@Suite struct `Damaged debug information` {
  private func malformed(_ sections: [HandmadeELF.Section], _ words: String, _ place: SourceLocation = #_sourceLocation)
  {
    let error = #expect(throws: ObjectFileError.self, sourceLocation: place) { try HandmadeDWARF.facts(sections) }
    #expect(error?.code == .malformedDWARF, sourceLocation: place)
    #expect(error?.description.contains(words) == true, "\(String(describing: error))", sourceLocation: place)
  }

  @Test func `a unit by hand reads like a compiler's`() throws {
    var unit = HandmadeDWARF()
    let int = unit.add(.base, name: "int", size: 4)
    let node = unit.add(.structure, name: "node", size: 16, children: true)
    unit.add(.member, name: "value", type: int)
    unit.end()
    unit.add(.variable, name: "top", type: node, address: 0x4000)
    unit.end()
    let facts = try #require(try unit.facts())
    #expect(facts.layout("struct node") == "struct 16 {value@0 base0.4}")
    #expect(facts.variable("top")?.byteCount == 16)
  }

  @Test func `a struct that holds itself ends`() throws {
    var unit = HandmadeDWARF()
    let node = unit.add(.structure, name: "node", size: 16, children: true)
    unit.add(.member, name: "self", type: node)
    unit.end()
    unit.end()
    let layout = try #require(try unit.facts()?.layout("struct node"))
    #expect(layout.hasPrefix("struct 16 {self@0 struct node 16 #"))
  }

  @Test func `types that are each other end`() throws {
    for tag in [HandmadeDWARF.Tag.typedef, .constant, .pointer, .array] {
      var unit = HandmadeDWARF()
      let first = unit.nextOffset
      let second = unit.add(tag, type: first)
      unit.add(.variable, name: "v", type: second, address: 0x4000)
      unit.end()
      let text = try #require(try unit.facts()?.variable("v")?.type)
      #expect(text.contains("?"), "\(tag)")
    }
  }

  @Test func `a chain of pointers of any length ends, and without a deep stack`() throws {
    var unit = HandmadeDWARF()
    for _ in 0..<50_000 { unit.add(.pointer, type: unit.nextOffset + 5) }
    unit.add(.base, name: "int", size: 4)
    unit.add(.variable, name: "v", type: 12, address: 0x4000)
    unit.end()
    let text = try #require(try unit.facts()?.variable("v")?.type)
    #expect(text.hasPrefix("***"))
    #expect(text.hasSuffix("?"))
  }

  @Test func `structs that hold two of the next grow by their number and not its power`() throws {
    var unit = HandmadeDWARF()
    var last = unit.add(.base, name: "int", size: 4)
    for _ in 0..<60 {
      let next = unit.add(.structure, size: 8, children: true)
      unit.add(.member, name: "left", type: last)
      unit.add(.member, name: "right", type: last)
      unit.end()
      last = next
    }
    unit.add(.variable, name: "v", type: last, address: 0x4000)
    unit.end()
    let text = try #require(try unit.facts()?.variable("v")?.type)
    #expect(text.utf8.count < 8192)
  }

  @Test func `a text that is asked for without end is refused`() throws {
    var unit = HandmadeDWARF()
    let wide = unit.add(.structure, size: 8, children: true)
    for _ in 0..<90 { unit.add(.member, name: String(repeating: "m", count: 30), type: nil) }
    unit.end()
    unit.add(.structure, name: "many", size: 8, children: true)
    for _ in 0..<200_000 { unit.add(.member, type: wide) }
    unit.end()
    unit.end()
    malformed(unit.sections, "far more often than any compiler does")
  }

  @Test func `entries nested without end are refused`() throws {
    var unit = HandmadeDWARF()
    unit.add(.structure, name: "s", size: 4)
    for _ in 0..<5000 { unit.add(.namespace, children: true) }
    malformed(unit.sections, "nested more than")
  }

  @Test func `what leads nowhere is named`() throws {
    var unit = HandmadeDWARF()
    unit.add(.variable, name: "v", type: 0xFFFF, address: 0x4000)
    unit.end()
    malformed(unit.sections, "a reference leads to no entry at 0xffff")

    var sections = HandmadeDWARF().sections
    sections[1].bytes = [0]
    malformed(sections, "abbreviation 1 is not declared")
    sections[1].bytes = [1, 0x11, 1, 3]
    malformed(sections, "an abbreviation table does not end")
    sections[0].bytes = [0xF0, 0, 0, 0, 4, 0]
    malformed(sections, "a unit of 0xf0 bytes runs past the end")
    sections[0].bytes = [3, 0, 0, 0, 4, 0, 0]
    malformed(sections, "a unit ends within its header")
  }

  @Test(
    arguments: corpus("Corpus").filter {
      ["gcc42", "clang52"].contains($0.split(separator: "/").last)
    })
  func `every byte changed and every cut ends in a named error or in facts`(_ path: String) throws {
    let whole = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    var codes: Set<ObjectFileError.Code> = []
    for index in whole.indices {
      for value in [0xFF, whole[index] ^ 1] where value != whole[index] {
        var damaged = whole
        damaged[index] = value
        var walk = DWARFFactsWalk()
        walk.walk(damaged)
        codes.formUnion(walk.errors.map(\.code))
      }
      var walk = DWARFFactsWalk()
      walk.walk(Array(whole.prefix(index)))
      codes.formUnion(walk.errors.map(\.code))
    }
    #expect(codes.isSubset(of: [.malformedDWARF, .unsupportedDWARF]))
    #expect(codes.contains(.malformedDWARF))
  }
}

@Suite struct `Inputs of the DWARF fuzzer` {
  @Test func `the corpus is there, and every piece of it has facts`() throws {
    #expect(corpus("Corpus").count >= 15)
    for path in corpus("Corpus") {
      var walk = DWARFFactsWalk()
      walk.walk(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
      #expect(walk.errors.isEmpty, "\(path)")
      #expect(walk.factCount > 1, "\(path)")
    }
  }

  @Test(arguments: corpus("FailCases")) func `are read to the end`(_ path: String) throws {
    var walk = DWARFFactsWalk()
    walk.walk(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
    #expect(walk.errors.allSatisfy { !$0.description.isEmpty })
  }
}

private func corpus(_ folder: String) -> [String] {
  let fuzz = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "../../Fuzz/\(folder)/dwarf")
  let names = (try? FileManager.default.contentsOfDirectory(atPath: fuzz.path)) ?? []
  return names.sorted().map { fuzz.appendingPathComponent($0).path }
}
