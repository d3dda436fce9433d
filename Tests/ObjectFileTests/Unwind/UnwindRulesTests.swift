import Testing

@testable import ObjectFile

/// What readelf says of every row of a table that people wrote, compilers and hands alike.
struct UnwindRulesTests {
  static let files = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libgcc_s.so.1"]

  @Test(arguments: files) func `rows are as readelf prints them`(_ path: String) throws {
    let file = try ELFFile(MappedFile(path: path))
    let section = try #require(file.section(named: ".eh_frame"))
    let bytes = try file.contents(of: section).allBytes
    let records = UnwindRecordSequence(bytes)
    #expect(records.isWhole)
    var descriptions: [Int: (UnwindCommonInformation, UnwindDescription)] = [:]
    for record in records.records {
      guard let place = record.commonInformation else { continue }
      let owner = try #require(records.records.first { $0.range.lowerBound == place && $0.commonInformation == nil })
      let common = try #require(UnwindCommonInformation(Array(bytes[owner.range])))
      descriptions[record.range.lowerBound] = (
        common, try #require(UnwindDescription(Array(bytes[record.range]), common))
      )
    }
    var rowCount = 0
    for listed in try Self.listing(of: path) {
      let (common, description) = try #require(descriptions[listed.record])
      #expect(description.byteCount == listed.end - listed.start)
      for row in listed.rows {
        let rules = try #require(UnwindRules(common, description, at: row.place - listed.start))
        #expect(Self.text(rules, listed.columns) == row.cells, "record \(listed.record), row \(row.place)")
        rowCount += 1
      }
    }
    #expect(rowCount > 500)
    #expect(descriptions.count > 100)
  }

  private struct Listed {
    var record: Int
    var start: UInt64
    var end: UInt64
    var columns: [String] = []
    var rows: [(place: UInt64, cells: [String])] = []
  }

  private static func listing(of path: String) throws -> [Listed] {
    var result: [Listed] = []
    for line in try Tool.run("readelf", ["-wNF", path]).split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.contains("FDE"), let range = words.last?.dropFirst(3).split(separator: "."), range.count == 2 {
        result.append(
          Listed(
            record: try #require(Int(words[0], radix: 16)), start: try #require(UInt64(range[0], radix: 16)),
            end: try #require(UInt64(range[1], radix: 16))))
      } else if words.contains("CIE") {
        result.append(Listed(record: -1, start: 0, end: 0))
      } else if words.first == "LOC", !result.isEmpty {
        result[result.count - 1].columns = words.dropFirst().map(String.init)
      } else if let place = words.first.flatMap({ $0.count == 16 ? UInt64($0, radix: 16) : nil }), !result.isEmpty {
        result[result.count - 1].rows.append((place, cells(words.dropFirst())))
      }
    }
    return result.filter { $0.record >= 0 }
  }

  /// `r2 (rcx)` is one cell.
  private static func cells(_ words: ArraySlice<Substring>) -> [String] {
    words.reduce(into: []) { cells, word in
      if word.hasPrefix("(") { cells.append((cells.popLast() ?? "") + word) } else { cells.append(String(word)) }
    }
  }

  private static let names = [
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "ra",
  ]

  private static func text(_ rules: UnwindRules, _ columns: [String]) -> [String] {
    columns.map { column in
      if column == "CFA" {
        switch rules.frame {
        case .register(let number, let offset)?: return names[Int(number)] + (offset < 0 ? "" : "+") + "\(offset)"
        case .expression?: return "exp"
        case nil: return "none"
        }
      }
      guard let number = names.firstIndex(of: column), let rule = rules.rules[UInt64(number)] else { return "u" }
      switch rule {
      case .undefined: return "u"
      case .sameValue: return "s"
      case .stored(let offset): return "c" + (offset < 0 ? "" : "+") + "\(offset)"
      case .computed(let offset): return "v" + (offset < 0 ? "" : "+") + "\(offset)"
      case .register(let other): return "r\(other)(\(names[Int(other)]))"
      case .storedAt: return "exp"
      case .valueOf: return "vexp"
      }
    }
  }
}
