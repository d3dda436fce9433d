import Foundation
import ObjectFile
import Testing

/// Damaged files: reading everything in them ends in named errors, and never in a trap.
struct `Damaged Mach-O files` {
  private static let small = Specimen.machOObjects.filter { $0.name.contains(".s") }

  @Test(arguments: Specimen.machO) func `undamaged, they read without an error`(_ specimen: Specimen) async throws {
    var walk = MachOWalk()
    walk.walk(try await specimen.machO().view.allBytes)
    // Zeros at the end of a segment are not in the file; and few files can be prepared.
    let expected: [ObjectFileError.Code] = [.unmappedAddress, .notAdoptable, .noRoomForCommands]
    #expect(walk.errors.filter { !expected.contains($0.code) }.map(\.description) == [])
  }

  @Test(arguments: small) func `cut at every length`(_ specimen: Specimen) async throws {
    let whole = try await specimen.machO().view.allBytes
    for length in 0..<whole.count {
      var walk = MachOWalk()
      walk.walk(Array(whole.prefix(length)))
      // The strings stand last, so that every cut is noticed.
      #expect(walk.errors.contains { $0.code != .notAdoptable }, "\(length) bytes")
    }
  }

  @Test(arguments: small) func `every byte changed in three ways`(_ specimen: Specimen) async throws {
    let whole = try await specimen.machO().view.allBytes
    var codes: Set<ObjectFileError.Code> = []
    for index in whole.indices {
      for value in [0xFF, 0x80, whole[index] ^ 1] where value != whole[index] {
        var damaged = whole
        damaged[index] = value
        var walk = MachOWalk()
        walk.walk(damaged)
        codes.formUnion(walk.errors.map(\.code))
      }
    }
    #expect(codes.isSuperset(of: [.truncated, .badString, .notMachO, .malformedTable, .badSectionIndex]))
  }
}

/// What a fuzzer once tripped over, and its corpus.
struct `Inputs of the Mach-O fuzzer` {
  private static func files(_ folder: String) -> [String] {
    let fuzz = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../Fuzz/\(folder)/macho")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: fuzz.path)) ?? []
    return names.sorted().map { fuzz.appendingPathComponent($0).path }
  }

  @Test func `the corpus is there`() { #expect(Self.files("Corpus").count >= 5) }

  @Test(arguments: files("Corpus").filter { $0.contains("/executable") })
  func `the executables of the corpus are prepared and edited`(_ path: String) throws {
    var walk = MachOWalk()
    walk.walk(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
    #expect(walk.errors.filter { $0.code != .unmappedAddress }.map(\.description) == [])
  }

  @Test(arguments: files("Corpus") + files("FailCases"))
  func `are read to the end`(_ path: String) throws {
    var walk = MachOWalk()
    walk.walk(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
    #expect(walk.errors.allSatisfy { !$0.description.isEmpty })
  }
}
