import Addressing
import Foundation
import ObjectFile
import Testing

@testable import Linker

/// What compilers and linkers really write, read back and written again.
@Suite struct RelocationCorpusTests {
  @Test("what four linkers made of a program is recognised, and runs once written anew", arguments: CorpusBuild.all)
  func recognisesAndRewrites(_ build: CorpusBuild) throws {
    let objects = try CorpusObjects(build)
    #expect(CorpusBuild.linkers.contains("bfd"))
    for linker in CorpusBuild.linkers {
      let corpus = try objects.linked(by: linker)
      let functions = try corpus.functions()
      #expect(functions.count > 15)
      let rewritten = try rewritten(functions, of: corpus, linker)
      guard !build.isShared else { continue }
      #expect(rewritten.count == functions.count, "\(linker)")
      try expectSameRun(corpus, rewritten, linker)
    }
  }

  /// Recognises each function, relocates it anew as recognised, and recognises the result.
  private func rewritten(
    _ functions: [CorpusFunction], of corpus: BuiltCorpus, _ linker: String
  ) throws -> [VirtualAddress: [UInt8]] {
    let judge = try ReferenceJudge(corpus)
    var rewritten: [VirtualAddress: [UInt8]] = [:]
    for function in functions {
      guard let references = function.references(in: function.placed) else {
        Issue.record("\(linker): \(function.name) is not recognised")
        continue
      }
      for (relocation, reference) in zip(function.relocations, references) {
        let isPlausible = judge.isPlausible(reference, for: relocation)
        #expect(isPlausible, "\(linker): \(function.name): \(relocation) → \(reference)")
      }
      guard let relocated = try judge.relocate(function, as: references) else { continue }
      rewritten[function.place] = relocated.bytes
      let again = function.references(in: relocated.bytes)
      #expect(again == judge.normalized(references, of: function), "\(linker): \(function.name) reads back differently")
      if judge.hasPreferredForms(function) {
        #expect(relocated.bytes == function.placed, "\(linker): \(function.name) is not what the linker wrote")
      }
    }
    return rewritten
  }

  private func expectSameRun(
    _ corpus: BuiltCorpus, _ rewritten: [VirtualAddress: [UInt8]], _ linker: String
  ) throws {
    var bytes = corpus.image.view.allBytes
    for (place, code) in rewritten {
      bytes.put(code, at: Int(try #require(corpus.image.fileOffset(of: place)).rawValue))
    }
    let path = corpus.imagePath + "-rewritten"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    let before = try run(corpus.imagePath, [], mustSucceed: false)
    let after = try run(path, [], mustSucceed: false)
    #expect(before.status == 104 && before.output.split(separator: "\n").count == 5, "\(linker)")
    #expect(after == before, "\(linker)")
  }
}

extension CorpusFunction {
  fileprivate func references(in placed: [UInt8]) -> [PlacedReference]? {
    X86Placed.match(object: bytes, relocations: relocations, placed: placed, at: place)?.references
  }
}

/// Compares what was read from an image with the image's own symbol table.
private struct ReferenceJudge {
  let isPositionIndependent: Bool
  private let names: [String]
  private let symbols: [String: ELFSymbol]
  private let blockByteCount: Int64
  private let image: ELFFile

  init(_ corpus: BuiltCorpus) throws {
    image = corpus.image
    isPositionIndependent = corpus.image.header.type == .sharedObject
    names = try corpus.objectSymbolNames()
    symbols = try corpus.imageSymbols()
    blockByteCount = corpus.threadBlockByteCount()
  }

  /// Nil for the symbol of a section, and for one that the image does not define just once.
  private func symbol(_ relocation: AtomRelocation) -> ELFSymbol? {
    let name = names[relocation.symbol]
    return name.isEmpty ? nil : symbols[name]
  }

  /// The thread-local block itself. Linkers take its end or its start for it, and count the variables from there.
  private func isModuleBase(_ relocation: AtomRelocation) -> Bool { names[relocation.symbol] == "_TLS_MODULE_BASE_" }

  func isPlausible(_ reference: PlacedReference, for relocation: AtomRelocation) -> Bool {
    let known = symbol(relocation)
    switch reference {
    case .address(let address):
      guard let known else { return isMapped(address) || isNull(address) }
      return address.rawValue == known.value || isStubOfShared(known, at: address)
    case .cell(let cell), .threadCell(let cell), .threadDescriptor(let cell): return isMapped(cell)
    case .threadOffset(let offset) where isModuleBase(relocation): return offset == 0 || offset == -blockByteCount
    case .threadOffset(let offset):
      return known.map { Int64($0.value) - blockByteCount == offset } ?? (-blockByteCount..<0 ~= offset)
    case .moduleOffset(let offset): return known.map { Int64($0.value) == offset } ?? (0..<blockByteCount ~= offset)
    case .absolute, .consumed: return true
    case .opaque: return false
    }
  }

  /// A weak symbol that nothing defines.
  private func isNull(_ address: VirtualAddress) -> Bool { address.rawValue == 0 }

  /// A shared library calls its own exported functions through the PLT.
  private func isStubOfShared(_ symbol: ELFSymbol, at address: VirtualAddress) -> Bool {
    symbol.binding == .global && symbol.kind == .function && isMapped(address)
  }

  private func isMapped(_ address: VirtualAddress) -> Bool {
    image.segments.contains { $0.type == .load && $0.range.contains(address) }
  }

  /// The one way in which this linker writes what others write in several.
  func normalized(_ references: [PlacedReference], of function: CorpusFunction) -> [PlacedReference] {
    zip(function.relocations, references).map { relocation, reference in
      switch reference {
      case .moduleOffset(let offset): .threadOffset(offset - blockByteCount)
      case .threadOffset where isModuleBase(relocation): .threadOffset(0)
      default: reference
      }
    }
  }

  /// Nil where the image keeps a general-dynamic access, which is not written here.
  func relocate(_ function: CorpusFunction, as references: [PlacedReference]) throws -> RelocatedAtom? {
    let keepsDynamic = references.contains {
      if case .threadDescriptor = $0 { true } else { false }
    }
    if keepsDynamic { return nil }
    let wanted = normalized(references, of: function)
    let found = Dictionary(
      zip(function.relocations, wanted).map { ($0, $1) }, uniquingKeysWith: { first, _ in first })
    return try X86Relocator.relocate(
      bytes: function.bytes, relocations: function.relocations, at: function.place,
      isPositionIndependent: isPositionIndependent
    ) { (relocation, need) throws(LinkError) in
      switch found[relocation] {
      case .address(let address): isNull(address) ? .absolute(0) : .address(address)
      case .cell(let cell), .threadCell(let cell): .cell(cell)
      case .threadOffset(let offset): .threadOffset(offset)
      case .absolute(let word): .address(VirtualAddress(word).displaced(by: 0 &- relocation.addend))
      case .consumed where need == .localDynamic: .threadOffset(0)
      default: throw LinkError(.undefinedSymbol, detail: "\(relocation) \(need)")
      }
    }
  }

  /// Whether every linker writes each of the function's sequences in the form preferred here.
  func hasPreferredForms(_ function: CorpusFunction) -> Bool {
    function.relocations.allSatisfy {
      switch X86Relocation(rawValue: $0.type) {
      case .gotPCRel, .gotPCRelX, .rexGotPCRelX, .gotTPOff, .tlsGD, .tlsLD, .dtpOff32: false
      default: true
      }
    }
  }
}
