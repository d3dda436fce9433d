import Addressing
import Journal
import Testing

@testable import Linker

@Suite struct CodeBodyTests {
  private let entry = VirtualAddress(0x1000)

  private func decoded(_ bytes: [UInt8]) throws -> CodeBody { try Disassembler(.x86_64).decode(bytes, at: entry) }

  private func at(_ offset: UInt64) -> VirtualAddress { VirtualAddress(0x1000 + offset) }

  @Test("a loop to the fourth byte lands inside the stub, as in Lua's reallymarkobject")
  func loopIntoStub() throws {
    // push %rbx; mov %rdi,%rbx; loop: dec %eax (2 bytes); jne loop; ret
    let body = try decoded([0x53, 0x48, 0x89, 0xfb, 0xff, 0xc8, 0x75, 0xfc, 0xc3])
    #expect(body.branchTargets == [at(4)])
    #expect(body.landing(inStubOf: 6, others: []) == .branch(at(4)))
    #expect(body.landing(inStubOf: 5, others: []) == .branch(at(4)))
  }

  @Test("a loop to the entry, and one to the first byte behind the stub, are harmless")
  func harmlessLoops() throws {
    // entry: dec %eax ×3 (6 bytes); jne entry; jne entry+6; ret
    let body = try decoded([0xff, 0xc8, 0xff, 0xc8, 0xff, 0xc8, 0x75, 0xf8, 0x75, 0xfc, 0xc3])
    #expect(body.branchTargets == [at(0), at(6)])
    #expect(body.landing(inStubOf: 6, others: nil) == .nothing)
  }

  @Test("a call that ends inside the stub leaves its return address there")
  func returnAddress() throws {
    // call +0x100; ret, and nops
    let body = try decoded([0xe8, 0, 1, 0, 0, 0xc3, 0x90, 0x90])
    #expect(body.landing(inStubOf: 6, others: []) == .returnAddress(at(5)))
    #expect(body.landing(inStubOf: 5, others: []) == .nothing)
    // A call through a cell is 6 bytes long and ends with the stub.
    #expect(try decoded([0xff, 0x15, 0, 1, 0, 0, 0xc3]).landing(inStubOf: 6, others: []) == .nothing)
  }

  @Test("what others refer to counts, and a computed jump without such knowledge says unknown")
  func computedJump() throws {
    // nop ×6; jmp *%rax
    let body = try decoded([0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xe0])
    #expect(body.hasComputedJumps)
    #expect(body.landing(inStubOf: 6, others: nil) == .unknown)
    #expect(body.landing(inStubOf: 6, others: [at(6)]) == .nothing)
    #expect(body.landing(inStubOf: 6, others: [at(6), at(2)]) == .branch(at(2)))
    // A tail call through a cell goes elsewhere.
    #expect(try !decoded([0xff, 0x25, 0, 1, 0, 0]).hasComputedJumps)
    // A jump table: jmp *table(,%rax,8)
    #expect(try decoded([0xff, 0x24, 0xc5, 0, 0x20, 0, 0]).hasComputedJumps)
    // notrack jmp *%rax, as -fcf-protection has it.
    #expect(try decoded([0x3e, 0xff, 0xe0]).hasComputedJumps)
  }

  @Test("bytes that do not decode make the answer unknown, but not a landing that was seen")
  func undecodable() throws {
    let body = try decoded([0x90, 0x90, 0x06, 0x90])
    #expect(!body.isComplete)
    #expect(body.instructions.count == 2)
    #expect(body.landing(inStubOf: 6, others: []) == .unknown)
    #expect(try decoded([0x90, 0x90, 0xeb, 0xfd, 0x06]).landing(inStubOf: 4, others: []) == .branch(at(1)))
  }

  @Test("an instruction is found by any of its bytes, and none outside")
  func containing() throws {
    let body = try decoded([0x90, 0xe8, 0, 0, 0, 0, 0xc3])
    #expect((0..<7).map { body.instruction(containing: $0)?.offset } == [0, 1, 1, 1, 1, 1, 6])
    #expect(body.instruction(containing: 7) == nil)
    #expect(body.instruction(containing: -1) == nil)
    #expect(body.instruction(containing: .max) == nil)
  }

  @Test("the bytes behind a field are those of the immediate")
  func trailing() throws {
    // movl $0x1, 0(%rip) (10 bytes) · cmpb $1, 0(%rip) (7) · mov 0(%rip), %eax (6) · movw $1, 0(%rip) (9)
    let body = try decoded(
      [0xc7, 0x05, 0, 0, 0, 0, 1, 0, 0, 0] + [0x80, 0x3d, 0, 0, 0, 0, 1] + [0x8b, 0x05, 0, 0, 0, 0]
        + [0x66, 0xc7, 0x05, 0, 0, 0, 0, 1, 0])
    #expect([2, 12, 19, 26].map(body.trailingBytes) == [4, 1, 0, 2])
    #expect(body.trailingBytes(ofField: 22) == nil)
    #expect(body.trailingBytes(ofField: .max) == nil)
    #expect(body.trailingBytes(ofField: -4) == nil)
  }
}
