import Foundation
import ObjectFile
import Testing

/// Damaged files: reading everything in them ends in named errors, and never in a trap.
struct `Damaged ELF files` {
  private static let small = Specimen.tiny

  @Test(arguments: small) func `undamaged, they read without an error but for tables they lack`(_ specimen: Specimen)
    async throws
  {
    var walk = ELFWalk()
    walk.walk(try await specimen.file().view.allBytes)
    #expect(Set(walk.errors.map(\.code)).isSubset(of: [.unexpectedSectionType, .unmappedAddress]))
  }

  @Test(arguments: small) func `cut at every length`(_ specimen: Specimen) async throws {
    let whole = try await specimen.file().view.allBytes
    for length in 0..<whole.count {
      var walk = ELFWalk()
      walk.walk(Array(whole.prefix(length)))
      // The section headers stand last, so that every cut is noticed.
      #expect(!walk.errors.isEmpty, "\(length) bytes")
    }
  }

  @Test(arguments: small) func `every byte changed in two ways`(_ specimen: Specimen) async throws {
    let whole = try await specimen.file().view.allBytes
    var codes: Set<ObjectFileError.Code> = []
    for index in whole.indices {
      for value in [0xFF, whole[index] ^ 1] where value != whole[index] {
        var damaged = whole
        damaged[index] = value
        var walk = ELFWalk()
        walk.walk(damaged)
        codes.formUnion(walk.errors.map(\.code))
      }
    }
    #expect(codes.isSuperset(of: [.truncated, .badString, .notELF]))
  }
}

/// What a fuzzer once tripped over, and its corpus.
struct `Inputs of the ELF fuzzer` {
  private static func files(_ folder: String) -> [String] {
    let fuzz = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../Fuzz/\(folder)/elf")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: fuzz.path)) ?? []
    return names.sorted().map { fuzz.appendingPathComponent($0).path }
  }

  @Test func `the corpus is there`() { #expect(Self.files("Corpus").count >= 5) }

  @Test(arguments: files("Corpus") + files("FailCases")) func `are read to the end`(_ path: String) throws {
    var walk = ELFWalk()
    walk.walk(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
    #expect(walk.errors.allSatisfy { !$0.description.isEmpty })
  }
}
