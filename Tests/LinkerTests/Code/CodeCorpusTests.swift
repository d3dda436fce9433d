import Addressing
import Foundation
import ObjectFile
import Testing

@testable import Linker

/// Code as compilers write it, compared with what other readers of it say.
@Suite struct CodeCorpusTests {
  private static let builds = CorpusBuild.all.filter {
    ["-O0 -fPIE", "-O2 -fno-pie", "-O2 -fPIC", "-O3 -fPIE -fcf-protection"].contains($0.flags)
  }

  @Test("instructions begin where objdump says, in every function", arguments: builds)
  func instructionStarts(_ build: CorpusBuild) throws {
    let corpus = try CorpusObjects(build).linked(by: "bfd")
    let disassembler = Disassembler(.x86_64)
    let listing = try run("objdump", ["-d", "--no-show-raw-insn", corpus.imagePath]).output
    let theirs = Set(
      listing.split(separator: "\n").compactMap { line in
        line.hasPrefix("  ") ? UInt64(line.prefix { $0 != ":" }.trimmingCharacters(in: .whitespaces), radix: 16) : nil
      })
    for function in try corpus.functions() {
      let body = try disassembler.decode(function.placed, at: function.place)
      #expect(body.isComplete, "\(function.name)")
      let range = function.place.rawValue..<function.place.rawValue + UInt64(function.placed.count)
      let ours = Set(body.instructions.map { function.place.rawValue + UInt64($0.offset) })
      #expect(ours == theirs.filter(range.contains), "\(function.name)")
    }
  }

  @Test("every relocated field is found by the decoder, and ends its instruction as the addend says", arguments: builds)
  func fields(_ build: CorpusBuild) throws {
    let corpus = try CorpusObjects(build).linked(by: "bfd")
    let disassembler = Disassembler(.x86_64)
    for function in try corpus.functions() {
      let body = try disassembler.decode(function.bytes, at: VirtualAddress(0))
      let fields = Set(body.references.compactMap(\.fieldOffset))
      for relocation in function.relocations {
        let type = X86Relocation(rawValue: relocation.type)
        guard type == .pc32 || type == .direct32 || type == .direct32S else { continue }
        #expect(fields.contains(relocation.offset), "\(function.name) at \(relocation.offset)")
        #expect(body.trailingBytes(ofField: relocation.offset) != nil)
      }
    }
  }

  @Test("a switch's jump table is read alike from the object and from the image", arguments: builds)
  func jumpTable(_ build: CorpusBuild) throws {
    let corpus = try CorpusObjects(build).linked(by: "bfd")
    let function = try #require(try corpus.functions().first { $0.name == "table_switch" })
    let body = try Disassembler(.x86_64).decode(function.placed, at: function.place)
    #expect(body.hasComputedJumps)
    #expect(body.landing(inStubOf: 6, others: nil) == .unknown)
    let (fromObject, base) = try #require(
      try objectTable(of: function, corpus))
    let entry: JumpTableEntry = build.linkFlag == "-no-pie" ? .absolute64 : .relative32
    let bytes = try corpus.image.bytes(at: base, count: UInt64(fromObject.count * entry.byteCount)).allBytes
    let fromImage = JumpTable.targets(bytes: bytes, base: base, entry: entry, within: body.range)
    #expect(fromImage == fromObject)
    #expect(Set(fromImage).count == 8)
    let starts = Set(body.instructions.map { body.range.start.displaced(by: Int64($0.offset)) })
    #expect(starts.isSuperset(of: fromImage))
    #expect(body.landing(inStubOf: 6, others: fromImage) == .nothing)
  }

  /// The targets of the table that all relocations against the function's own section make, and where it is placed:
  /// the program has one switch, so that they are all of one table.
  private func objectTable(
    of function: CorpusFunction, _ corpus: BuiltCorpus
  ) throws -> (targets: [VirtualAddress], base: VirtualAddress)? {
    let symbols = try #require(try corpus.object.symbolTable(.static))
    let section = try #require(symbols.first { symbols.nameMatches($0, function.name) }?.place)
    for (index, records) in try corpus.object.relocationSections() {
      guard corpus.object.nameHasPrefix(try corpus.object.section(at: index), ".rodata") else { continue }
      let own = try corpus.object.relocations(of: records).map(AtomRelocation.init).filter {
        symbols[$0.symbol].place == section
      }
      guard let first = own.map(\.offset).min() else { continue }
      guard let base = try placedTable(index, first, of: function, corpus) else { continue }
      return (own.compactMap { Self.offset(of: $0, inTableAt: first) }.map { function.place.displaced(by: $0) }, base)
    }
    return nil
  }

  /// How far from its symbol an entry leads. One that is relative counts from its own field, but is added to the table's
  /// start: the field's offset is taken off again.
  private static func offset(of entry: AtomRelocation, inTableAt table: Int) -> Int64? {
    switch X86Relocation(rawValue: entry.type) {
    case .direct64: entry.addend
    case .pc32: entry.addend &- Int64(entry.offset &- table)
    default: nil
    }
  }

  /// Where the function's own reference to the table leads in the image.
  private func placedTable(
    _ section: Int, _ offset: Int, of function: CorpusFunction, _ corpus: BuiltCorpus
  ) throws -> VirtualAddress? {
    let symbols = try #require(try corpus.object.symbolTable(.static))
    let body = try Disassembler(.x86_64).decode(function.bytes, at: VirtualAddress(0))
    let match = try #require(
      X86Placed.match(
        object: function.bytes, relocations: function.relocations, placed: function.placed, at: function.place))
    for (relocation, reference) in zip(function.relocations, match.references) {
      guard symbols[relocation.symbol].place == .section(section), case .address(let address) = reference else {
        continue
      }
      let type = try #require(X86Relocation(rawValue: relocation.type))
      let tail = type == .pc32 ? 4 + (body.trailingBytes(ofField: relocation.offset) ?? 0) : 0
      let addend = relocation.addend + Int64(tail)
      guard Int64(symbols[relocation.symbol].value) + addend == Int64(offset) else { continue }
      return address.displaced(by: addend)
    }
    return nil
  }

  @Test("the compiler is known by what it leaves in .comment", arguments: ["gcc", "clang"])
  func compilerFacts(_ compiler: String) throws {
    let corpus = try CorpusObjects(CorpusBuild(compiler: compiler, flags: "-O2", linkFlag: "-pie")).linked(by: "bfd")
    let comment = try #require(corpus.object.section(named: ".comment"))
    let strings = try corpus.object.contents(of: comment).allBytes.split(separator: 0).map {
      String(decoding: $0, as: UTF8.self)
    }
    let facts = CompilerFacts(strings)
    #expect(facts.producers.map(\.family) == [compiler == "gcc" ? .gcc : .clang])
    #expect(facts.mayRelyOnCalleeRegisters == (compiler == "gcc"))
    #expect(facts.producers.first?.version?.contains(".") == true)
  }

  @Test("the large code model is refused by name")
  func largeModel() throws {
    let build = CorpusBuild(compiler: "gcc", flags: "-O2 -fPIC -mcmodel=large", linkFlag: "-pie")
    let functions = try CorpusObjects(build).linked(by: "bfd").functions()
    let needs = functions.flatMap { X86Relocator.needs(of: $0.relocations, bytes: $0.bytes) }
    #expect(needs.contains(.refused(.gotBase)))
  }
}
