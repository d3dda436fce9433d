import Addressing
import ObjectFile
import Testing

@Suite(.serialized) struct UnwindTableTests {
  static let links = [
    "g++ -g -fuse-ld=bfd -pie", "g++ -g -fuse-ld=bfd -static -Wl,--eh-frame-hdr", "g++ -g -fuse-ld=lld -no-pie",
    "g++ -g -fuse-ld=mold -pie",
    "g++ -g -fuse-ld=gold -pie",
  ].map { Link($0, source: passingProgram) }.filter(\.isAvailable)

  /// `sub $8,%rsp; call *%rdi; add $8,%rsp; ret`
  static let passing: [UInt8] = [0x48, 0x83, 0xEC, 8, 0xFF, 0xD7, 0x48, 0x83, 0xC4, 8, 0xC3]

  /// Augmentation `zR` with pc-relative 4-byte pointers; at entry the CFA is rsp + 8, the return address below it.
  static let commonInformation = ELFUnwindRecord(
    bytes: littleEndian(UInt32(20)) + [0, 0, 0, 0, 1, 0x7A, 0x52, 0, 1, 0x78, 16, 1, 0x1B, 0xC, 7, 8, 0x90, 1, 0, 0],
    fields: [])

  static func description(_ function: AddressRange) -> ELFUnwindRecord {
    ELFUnwindRecord(
      bytes: littleEndian(UInt32(20)) + [0, 0, 0, 0, 0, 0, 0, 0] + littleEndian(UInt32(function.byteCount))
        + [0, 0x44, 0xE, 16, 0x46, 0xE, 8, 0],
      fields: [.init(offset: 8, byteCount: 4, target: function.start)])
  }

  @Test(arguments: links) func `an exception passes through a function of the arena`(_ link: Link) throws {
    let specimen = try PreparedSpecimen(link.command, source: link.source)
    let code = specimen.image.layout.code
    let functions = (0..<5).map {
      AddressRange(start: VirtualAddress(code.range.start.rawValue + UInt64($0) * 16), byteCount: 11)
    }
    for function in functions {
      let offset = try #require(specimen.image.layout.fileOffset(of: function.start))
      try specimen.apply([FileEdit(offset: offset, before: [UInt8](repeating: 0, count: 11), after: Self.passing)])
    }
    let main = "0x" + hex(try specimen.symbol("main").rawValue)
    let run = { (index: Int) in try Launch(specimen.prepared, [main, "0x" + hex(functions[index].start.rawValue)]) }
    #expect(try run(1).status == 128 + 6)

    var tables = try specimen.tables()
    #expect(tables.hasUnwindTable)
    var edits = try tables.addUnwind(of: [Self.unwinding(functions[0])])
    edits += try tables.addUnwind(of: functions[1...3].map(Self.unwinding))
    edits += try tables.addUnwind(of: [Self.unwinding(functions[4])])
    // A CIE for each call.
    #expect(tables.counters.unwindBytes == (3 + 5) * 24)
    let before = try MappedFile(copying: specimen.prepared).view.allBytes
    try specimen.apply(edits)
    for index in functions.indices {
      #expect(try run(index) == Launch(specimen.prepared, ["own"]))
      #expect(try run(index).output == "caught 42\n")
    }
    let complaints = try specimen.newComplaints()
    #expect(complaints == "")
    try specimen.apply(edits.reversed().map(\.inverted))
    #expect(try MappedFile(copying: specimen.prepared).view.allBytes == before)
  }

  static func unwinding(_ function: AddressRange) -> ELFUnwindFunction {
    ELFUnwindFunction(
      start: function.start, commonInformation: commonInformation, description: description(function))
  }

  @Test func `what one branch adds stands between entries of another`() throws {
    let specimen = try PreparedSpecimen(["g++", "-pie"], source: passingProgram)
    let start = specimen.image.layout.code.range.start.rawValue
    let functions = (0..<3).map {
      AddressRange(start: VirtualAddress(start + UInt64($0) * 16), byteCount: 11)
    }
    var first = try specimen.tables()
    #expect(try !first.lacksUnwindOfOthers())
    let edits = try first.addUnwind(of: functions[0...1].map(Self.unwinding))
    // Another branch begins where nothing was added, and knows how far the first has come.
    var second = try specimen.tables(first.counters)
    #expect(try second.lacksUnwindOfOthers())
    let adopted = try second.adoptUnwind(edits.map { ($0.offset, $0.after) })
    #expect(adopted == edits)
    #expect(try !second.lacksUnwindOfOthers())
    let own = try second.addUnwind(of: [Self.unwinding(functions[2])])
    try specimen.apply(adopted + own)
    #expect(try specimen.newComplaints() == "")
    #expect(throws: ObjectFileError.self) { try second.addUnwind(of: [Self.unwinding(functions[0])]) }
  }

  @Test func `a function that is rewritten where it stands gets another record`() throws {
    let specimen = try PreparedSpecimen(["g++", "-pie"], source: passingProgram)
    var tables = try specimen.tables()
    let main = AddressRange(start: try specimen.symbol("main"), byteCount: 11)
    let edits = try tables.replaceUnwind(of: Self.unwinding(main))
    #expect(edits.map(\.after.count) == [48, 4])
    // None begins there.
    let inside = AddressRange(start: main.start.displaced(by: 1), byteCount: 1)
    #expect(try tables.replaceUnwind(of: Self.unwinding(inside)).isEmpty)
  }

  @Test func `what has been replaced on the way to a branch is not adopted again`() throws {
    let specimen = try PreparedSpecimen(["g++", "-pie"], source: passingProgram)
    let start = specimen.image.layout.code.range.start
    let functions = (0..<2).map { AddressRange(start: start.displaced(by: $0 * 16), byteCount: 11) }
    var first = try specimen.tables()
    let shared = try first.addUnwind(of: [Self.unwinding(functions[0])])
    let replaced = try first.replaceUnwind(of: Self.unwinding(functions[0]))
    try specimen.apply(shared + replaced)
    let aside = try first.addUnwind(of: [Self.unwinding(functions[1])])
    var second = try specimen.tables(first.counters)
    let adopted = try second.adoptUnwind((shared + aside).map { ($0.offset, $0.after) })
    #expect(adopted == aside)
    #expect(try second.hasUnwind(at: functions[0].start))
    #expect(try !second.hasUnwind(at: functions[0].start.displaced(by: 1)))
  }

  @Test func `records that are none are refused`() throws {
    let specimen = try PreparedSpecimen(["g++", "-pie"], source: passingProgram)
    var tables = try specimen.tables()
    let function = AddressRange(start: specimen.image.layout.code.range.start, byteCount: 11)
    var wrongLength = Self.unwinding(function)
    wrongLength.commonInformation.bytes[0] = 16
    var wrongField = Self.unwinding(function)
    wrongField.description.fields[0].offset = 22
    var farField = Self.unwinding(function)
    farField.description.fields[0].target = VirtualAddress(1 << 40)
    for (unwinding, code): (ELFUnwindFunction, ObjectFileError.Code) in [
      (wrongLength, .malformedTable), (wrongField, .malformedTable), (farField, .outOfReach),
    ] {
      let error = #expect(throws: ObjectFileError.self) { try tables.addUnwind(of: [unwinding]) }
      #expect(error?.code == code)
    }
    #expect(tables.counters.unwindBytes == 0)
  }

  @Test func `a table that is full is refused by name, and nothing is written`() throws {
    let specimen = try PreparedSpecimen(["g++", "-pie"], source: passingProgram)
    var tables = try specimen.tables()
    let capacity = try #require(specimen.image.layout.unwind?.table.capacity) - tables.counters.unwindEntries
    let start = specimen.image.layout.code.range.start.rawValue
    let functions = (0...UInt64(capacity)).map {
      AddressRange(start: VirtualAddress(start + $0 * 16), byteCount: 11)
    }
    let error = #expect(throws: ObjectFileError.self) { try tables.addUnwind(of: functions.map(Self.unwinding)) }
    #expect(error?.code == .noRoom)
    let edits = try tables.addUnwind(of: functions.dropLast().map(Self.unwinding))
    try specimen.apply(edits)
    #expect(try specimen.newComplaints() == "")
    #expect(throws: ObjectFileError.self) { try tables.addUnwind(of: [Self.unwinding(functions[functions.count - 1])]) }
  }

  @Test func `an image without an unwind table has no room for entries`() throws {
    let specimen = try PreparedSpecimen(["gcc", "-pie", "-Wl,--no-eh-frame-hdr"], source: stateProgram)
    var tables = try specimen.tables()
    #expect(!tables.hasUnwindTable)
    let function = AddressRange(start: specimen.image.layout.code.range.start, byteCount: 11)
    let error = #expect(throws: ObjectFileError.self) { try tables.addUnwind(of: [Self.unwinding(function)]) }
    #expect(error?.code == .noRoom)
  }
}

let passingProgram = """
  #include <cstdio>
  #include <cstdlib>
  #include <cstring>
  static void raise42() { throw 42; }
  static void own(void (*f)()) { f(); }
  int main(int argc, char **argv) {
    auto call = own;
    if (std::strcmp(argv[1], "own")) {
      unsigned long slide = (unsigned long)(void *)main - std::strtoul(argv[1], 0, 16);
      call = (void (*)(void (*)()))(std::strtoul(argv[2], 0, 16) + slide);
    }
    try { call(raise42); } catch (int n) { std::printf("caught %d\\n", n); }
    return 7;
  }
  """
