import Addressing
import Journal
import Testing

@testable import Linker

@Suite struct DisassemblerTests {
  @Test("x86-64 instructions name their targets and where the fields are")
  func x86() throws {
    let code: [UInt8] =
      [0xf3, 0x0f, 0x1e, 0xfa]  // endbr64
      + [0x48, 0x8d, 0x05, 0x10, 0, 0, 0]  // lea 0x10(%rip), %rax → 0x101b
      + [0xe8, 0x00, 0x01, 0, 0]  // call → 0x1110
      + [0x74, 0xfe]  // je to itself, 0x1010
      + [0x0f, 0x85, 0, 0, 0, 0]  // jne → 0x1018
      + [0xff, 0x25, 4, 0, 0, 0]  // jmp *4(%rip) → cell 0x1022
      + [0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0]  // mov %fs:0, %rax
      + [0x48, 0xc7, 0xc0, 0x78, 0x56, 0x34, 0x12]  // mov $0x12345678, %rax
      + [0xe3, 0x00, 0x0f, 0x0b, 0xc3]  // jrcxz; ud2; ret
    let body = try Disassembler(.x86_64).decode(code, at: VirtualAddress(0x1000))
    #expect(body.isComplete)
    #expect(
      body.instructions.map(\.flow) == [
        .next, .next, .call(VirtualAddress(0x1110)), .conditionalJump(VirtualAddress(0x1010)),
        .conditionalJump(VirtualAddress(0x1018)), .jump(nil), .next, .next, .conditionalJump(VirtualAddress(0x1030)),
        .stop, .return,
      ])
    func reference(
      _ kind: CodeReference.Kind, _ target: UInt64, _ offset: Int, _ count: Int, accesses: Int? = nil
    ) -> CodeReference {
      CodeReference(
        kind: kind, target: VirtualAddress(target), fieldOffset: offset, fieldByteCount: count,
        accessByteCount: accesses)
    }
    #expect(
      body.references == [
        reference(.memory, 0x101b, 7, 4), reference(.branch, 0x1110, 12, 4), reference(.branch, 0x1010, 17, 1),
        reference(.branch, 0x1018, 20, 4), reference(.memory, 0x1022, 26, 4, accesses: 8),
        reference(.immediate, 0x1234_5678, 42, 4), reference(.branch, 0x1030, 47, 1),
      ])
  }

  @Test("the start of a table is named where an index is added to it")
  func indexed() throws {
    let code: [UInt8] =
      [0xff, 0x24, 0xc5, 0, 0x20, 0x40, 0]  // jmp *0x402000(,%rax,8)
      + [0x0f, 0xb6, 0x80, 0, 0x30, 0x40, 0]  // movzbl 0x403000(%rax), %eax
      + [0x3e, 0x8b, 0x04, 0x25, 0, 0x40, 0x40, 0]  // mov %ds:0x404000, %eax
      + [0x8b, 0x47, 0x10]  // mov 0x10(%rdi), %eax
    let body = try Disassembler(.x86_64).decode(code, at: VirtualAddress(0x1000))
    #expect(body.references.map(\.kind) == [.indexed, .indexed, .memory])
    #expect(body.references.map(\.target.rawValue) == [0x40_2000, 0x40_3000, 0x40_4000])
    #expect(body.references.map(\.fieldOffset) == [3, 10, 18])
    #expect(body.hasComputedJumps)
  }

  @Test("arm64 instructions are decoded on any machine")
  func arm64() throws {
    let words: [UInt32] = [
      0x9400_0010,  // bl +0x40
      0x1400_0001,  // b +4
      0x5400_0040,  // b.eq +8
      0xb400_0040,  // cbz x0, +8
      0x3600_0040,  // tbz w0, #0, +8
      0x9000_0010,  // adrp x16, the same page
      0x5800_0040,  // ldr x0, +8
      0x9100_0421,  // add x1, x1, #1
      0xd61f_0200,  // br x16
      0xd63f_0200,  // blr x16
      0xd65f_03c0,  // ret
      0xd420_0020,  // brk #1
    ]
    let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) } }
    let body = try Disassembler(.arm64).decode(bytes, at: VirtualAddress(0x10_0000))
    #expect(body.isComplete)
    func at(_ offset: UInt64) -> VirtualAddress { VirtualAddress(0x10_0000 + offset) }
    #expect(
      body.instructions.map(\.flow) == [
        .call(at(0x40)), .jump(at(8)), .conditionalJump(at(16)), .conditionalJump(at(20)), .conditionalJump(at(24)),
        .next, .next, .next, .jump(nil), .call(nil), .return, .stop,
      ])
    #expect(body.references.filter { $0.kind == .memory }.map(\.target) == [at(32)])
    #expect(body.hasComputedJumps)
  }

  @Test("an arm64 address made of two instructions is one reference, until the register holds something else")
  func pairs() throws {
    let words: [UInt32] = [
      0xb000_0010,  // adrp x16, the next page
      0x9100_8210,  // add x16, x16, #0x20
      0xf940_0a11,  // ldr x17, [x16, #0x10]: x16 is no page any more
      0xb000_0001,  // adrp x1, the next page
      0xf940_0822,  // ldr x2, [x1, #0x10]
      0xb900_0c22,  // str w2, [x1, #0xc]
      0x9400_0010,  // bl: x1 is lost
      0xf940_0822,  // ldr x2, [x1, #0x10]
    ]
    let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) } }
    let body = try Disassembler(.arm64).decode(bytes, at: VirtualAddress(0x10_0ff0))
    let targets: [UInt64] = [0x10_1020, 0x10_1010, 0x10_100c]
    #expect(body.references.filter { $0.kind == .memory }.map(\.target.rawValue) == targets)
  }

  @Test("a listing has a line for each instruction")
  func listing() throws {
    let lines = try Disassembler(.x86_64).listing([0x55, 0x48, 0x89, 0xe5, 0xc3], at: VirtualAddress(0))
    #expect(lines.map(\.offset) == [0, 1, 4])
    #expect(lines.map(\.text) == ["push rbp", "mov rbp, rsp", "ret"])
  }

  @Test("no bytes are a complete body, and a range beyond the address space is refused")
  func edges() throws {
    let disassembler = Disassembler(.x86_64)
    #expect(try disassembler.decode([], at: VirtualAddress(0)).isComplete)
    let error = #expect(throws: LinkError.self) {
      try disassembler.decode([0x90, 0x90], at: VirtualAddress(.max))
    }
    #expect(error?.code == .disassembly)
  }

  @Test("random bytes are decoded without gaps as far as they go", arguments: [1, 2, 3, 4] as [UInt64])
  func randomBytes(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for architecture in [BaseImage.Architecture.x86_64, .arm64] {
      let disassembler = Disassembler(architecture)
      for _ in 0..<500 {
        let bytes = (0..<Int.random(in: 0..<64, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        let body = try disassembler.decode(bytes, at: VirtualAddress(.random(in: 0..<1 << 63, using: &random)))
        #expect(body.instructions.first.map(\.offset) ?? 0 == 0)
        #expect(zip(body.instructions, body.instructions.dropFirst()).allSatisfy { $0.end == $1.offset })
        #expect((body.instructions.last?.end ?? 0) <= bytes.count)
        #expect(body.isComplete == ((body.instructions.last?.end ?? 0) == bytes.count))
      }
    }
  }
}
