import Addressing
import ObjectFile
import Testing

struct `Unwind tables of Mach-O` {
  /// Those that compilers and linkers have made one for.
  private static let linked = Specimen.machOPreparable.filter { !$0.name.hasPrefix("zig 0.10") }

  @Test(arguments: Specimen.machOObjects.filter { !$0.name.contains(".s") })
  func `of objects are read as llvm-objdump reads them`(_ specimen: Specimen) async throws {
    let text = try Tool.run(try Tool.inToolchain("llvm-objdump"), ["--macho", "--unwind-info", await specimen.path()])
    func values(_ field: String) -> [UInt32] {
      text.split(separator: "\n").filter { $0.contains(field) }.compactMap { line in
        line.split(separator: ":").last?.split(separator: " ").first.flatMap { UInt32($0.dropFirst(2), radix: 16) }
      }
    }
    let file = try await specimen.machO()
    let entries = try file.compactUnwind()
    // Embedded Swift leaves them out.
    #expect(!entries.isEmpty || specimen.name.hasPrefix("swiftc"))
    #expect(entries.map(\.encoding) == values("compact encoding"))
    #expect(entries.map(\.byteCount) == values("length"))
    let table = try #require(try file.symbolTable())
    for entry in entries {
      let section = try file.section(ordinal: entry.function.sectionOrdinal)
      let address = section.address.rawValue + entry.function.offset
      #expect(table.contains { $0.sectionOrdinal == section.ordinal && $0.value == address })
    }
  }

  @Test func `of an object name the personality routine and the exception table`() async throws {
    let specimen = try #require(Specimen.machOObjects.first { $0.name == "clang arm64 program.cc -O1" })
    let file = try await specimen.machO()
    let table = try #require(try file.symbolTable())
    let catching = try file.compactUnwind().filter { $0.exceptionTable != nil }
    for entry in catching {
      #expect(entry.encoding & MachOUnwindInfo.hasExceptionTable != 0)
      let home = try file.section(ordinal: #require(entry.exceptionTable).sectionOrdinal)
      #expect(home.name == "__gcc_except_tab" && (entry.exceptionTable?.offset ?? 0) < home.byteCount)
      #expect(try table.name(of: table.symbol(at: #require(entry.personality))) == "___gxx_personality_v0")
    }
  }

  @Test(arguments: linked) func `of images are read as llvm-objdump reads them`(_ specimen: Specimen) async throws {
    let text = try Tool.run(try Tool.inToolchain("llvm-objdump"), ["--macho", "--unwind-info", await specimen.path()])
    let lines = text.split(separator: "\n").filter { $0.contains("]: function offset=0x") && $0.contains("encoding") }
    let theirs = lines.map { line in
      line.split(separator: "=").dropFirst().compactMap { word in
        UInt32(word.dropFirst(2).prefix { $0.isHexDigit }, radix: 16)
      }
    }
    let info = try #require(try await specimen.machO().unwindInfo())
    #expect(!info.functions.isEmpty)
    #expect(info.functions.map { [$0.start, $0.encoding] } == theirs)
  }

  @Test(arguments: linked) func `say the same in a prepared image`(_ specimen: Specimen) async throws {
    let prepared = try await PreparedMachO(specimen)
    let former = try #require(try prepared.original.unwindInfo())
    let info = try #require(try prepared.file.unwindInfo())
    #expect(info.functions == former.functions)
    #expect(Array(info.personalities.prefix(former.personalities.count)) == former.personalities)
    let room = try #require(prepared.image.unwindRoom)
    #expect(MachOUnwindRoom(encoded: room.encoded) == room)
    #expect(MachOUnwindRoom(encoded: room.encoded.dropLast()) == nil)
    var table = try table(prepared, prepared.file)
    for function in former.functions {
      let start = VirtualAddress(room.header.rawValue + UInt64(function.start))
      #expect(try table.function(at: start) == function)
    }
  }

  private func table(
    _ prepared: PreparedMachO, _ file: MachOFile, functions: UInt32 = 0, tables: UInt32 = 0
  ) throws -> MachOUnwindTable {
    MachOUnwindTable(
      try #require(prepared.image.unwindRoom), functionCount: functions, exceptionTableCount: tables, fileName: "test"
    ) { try file.view.bytes(at: Int($0.rawValue), count: $1) }
  }

  private func added(_ prepared: PreparedMachO, _ numbers: [Int]) -> [MachOUnwindFunction] {
    numbers.map { number in
      MachOUnwindFunction(
        start: VirtualAddress(prepared.image.layout.code.range.start.rawValue + UInt64(number) * 32),
        encoding: 0x0400_0000 + UInt32(number) + UInt32(number % 2) * MachOUnwindInfo.hasExceptionTable,
        personality: number % 2 == 1 ? prepared.image.layout.cells.range.start : nil,
        exceptionTable: number % 2 == 1
          ? VirtualAddress(prepared.image.layout.constants.range.start.rawValue + UInt64(number)) : nil)
    }
  }

  /// Without the number of the personality routine.
  private func seen(_ file: MachOFile, _ prepared: PreparedMachO) throws -> [MachOUnwindFunction] {
    let info = try #require(try file.unwindInfo())
    let header = try #require(prepared.image.unwindRoom).header
    func address(_ distance: UInt32) -> VirtualAddress { VirtualAddress(header.rawValue + UInt64(distance)) }
    return info.functions.map { function in
      let number = Int(function.encoding & MachOUnwindInfo.personalityMask) >> 28
      return MachOUnwindFunction(
        start: address(function.start), encoding: function.encoding & ~MachOUnwindInfo.personalityMask,
        personality: number == 0 ? nil : address(info.personalities[number - 1]),
        exceptionTable: function.exceptionTable.map(address))
    }
  }

  @Test(arguments: linked) func `are added to, and what was added is taken away`(_ specimen: Specimen) async throws {
    let prepared = try await PreparedMachO(specimen)
    let before = try seen(prepared.file, prepared)
    var first = try table(prepared, prepared.file)
    let functions = added(prepared, [0, 1, 2, 5])
    var edits = try first.add(Array(functions.prefix(2)))
    edits += try first.add(Array(functions.dropFirst(2)))
    #expect((first.functionCount, first.exceptionTableCount) == (4, 2))
    let edited = try prepared.edited(edits, of: prepared.file, as: "edited")
    #expect(try seen(edited, prepared) == before + functions)
    // A function of the image itself is told otherwise; one that is not there is passed over.
    var other = before[0]
    other.encoding += 1
    var next = try table(prepared, edited, functions: 4, tables: 2)
    let replaced = try next.replace(other)
    #expect(replaced.count == 1)
    let again = try prepared.edited(replaced, of: edited, as: "replaced")
    #expect(try seen(again, prepared) == [other] + before.dropFirst() + functions)
    #expect(try next.replace(added(prepared, [7])[0]) == [])
    let back = try prepared.edited(edits.reversed().map(\.inverted), of: edited, as: "back")
    #expect(try seen(back, prepared) == before)
  }

  @Test func `keep apart what branches add`() async throws {
    let prepared = try await PreparedMachO(try #require(Self.linked.first))
    let before = try seen(prepared.file, prepared)
    var one = try table(prepared, prepared.file)
    let edits = try one.add(added(prepared, [0, 1]))
    // On another branch what the first has added is free, and added before anything else.
    var other = try table(prepared, prepared.file, functions: 2, tables: 1)
    #expect(try other.lacksOthers())
    let adopted = try other.adopt(edits.map { ($0.offset, $0.after) })
    #expect(try !other.lacksOthers())
    let more = try other.add(added(prepared, [3]))
    let file = try prepared.edited(adopted + more, of: prepared.file, as: "branch")
    #expect(try seen(file, prepared) == before + added(prepared, [0, 1, 3]))
  }

  @Test func `refuse what would break their order, or has no room`() async throws {
    let prepared = try await PreparedMachO(try #require(Self.linked.first))
    var table = try table(prepared, prepared.file)
    _ = try table.add(added(prepared, [4]))
    #expect(throws: ObjectFileError.self) { try table.add(added(prepared, [3])) }
    #expect(table.functionCount == 1)
    let many = added(prepared, Array(stride(from: 6, to: 140, by: 2)))
    #expect { try table.add(many) } throws: { ($0 as? ObjectFileError)?.code == .noRoom }
    let catching = added(prepared, Array(stride(from: 7, to: 43, by: 2)))
    #expect { try table.add(catching) } throws: { ($0 as? ObjectFileError)?.code == .noRoom }
    var others = added(prepared, [7, 9, 11, 13])
    for index in others.indices {
      others[index].personality = VirtualAddress(prepared.image.layout.cells.range.start.rawValue + UInt64(index) * 8)
    }
    let used = try #require(try prepared.original.unwindInfo()).personalities.count
    _ = try table.add(Array(others.prefix(3 - used)))
    #expect { try table.add([others[3]]) } throws: { ($0 as? ObjectFileError)?.code == .noRoom }
  }
}
