import Addressing
import Foundation
import ObjectFile
import Testing

@testable import Linker

/// The C library's own objects: assembly written by hand, indirect functions, thread-local storage, whole sections as
/// atoms.
@Suite struct RelocationLibraryTests {
  @Test("the C library's sections are recognised in a static program, whichever linker made it")
  func staticLibrary() throws {
    let objects = try CorpusObjects(CorpusBuild(compiler: "gcc", flags: "-O2 -fno-pie", linkFlag: "-static"))
    let folder = objects.path("c")
    let library = try run("gcc", ["-print-file-name=libc.a"]).output.trimmingCharacters(in: .whitespacesAndNewlines)
    try run("sh", ["-c", "mkdir \(folder) && cd \(folder) && ar x \(library)"])
    let members = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    for linker in CorpusBuild.linkers {
      let corpus = try objects.linked(by: linker)
      let places = try corpus.imageSymbols()
      let sections = try members.flatMap {
        try linkedSections(of: ELFFile(MappedFile(path: folder + "/" + $0)), in: corpus.image, places)
      }
      #expect(sections.count > 300)
      for section in sections {
        let match = X86Placed.match(
          object: section.bytes, relocations: section.relocations, placed: section.placed, at: section.place)
        #expect(match?.references.contains(.opaque) == false, "\(linker): \(section.name)")
      }
    }
  }

  /// The sections of code that some global function of the image begins in, with their places.
  private func linkedSections(
    of file: ELFFile, in image: ELFFile, _ places: [String: ELFSymbol]
  ) throws -> [CorpusFunction] {
    guard let symbols = try file.symbolTable(.static) else { return [] }
    let relocationSections = try file.relocationSections()
    var found: [Int: CorpusFunction] = [:]
    for symbol in symbols where symbol.kind == .function && symbol.binding == .global {
      guard case .section(let index) = symbol.place, found[index] == nil else { continue }
      let name = try symbols.name(of: symbol)
      guard let place = places[name], place.byteCount == symbol.byteCount, place.value >= symbol.value else { continue }
      let section = try file.section(at: index)
      let start = VirtualAddress(place.value - symbol.value)
      let relocations = try relocationSections[index].map { try file.relocations(of: $0) }
      found[index] = CorpusFunction(
        name: name, bytes: try file.contents(of: section).allBytes,
        relocations: relocations?.map(AtomRelocation.init) ?? [], place: start,
        placed: try image.bytes(at: start, count: section.byteCount).allBytes)
    }
    return Array(found.values)
  }
}
