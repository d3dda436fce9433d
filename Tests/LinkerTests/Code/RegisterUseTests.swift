import Addressing
import Testing

@testable import Linker

@Suite struct RegisterUseTests {
  private func use(_ bytes: [UInt8], arm64: Bool = false) throws -> RegisterUse {
    try Disassembler(arm64 ? .arm64 : .x86_64).registerUse(bytes, at: VirtualAddress(0x1000))
  }

  @Test("parts of a register count as the whole, and registers that calls preserve do not count")
  func parts() throws {
    // mov eax, edi; xor ch, ch; push rbx; mov ebx, 1; pop rbx; movaps xmm3, xmm0; mov r9d, r8d; ret
    let found = try use([
      0x89, 0xf8, 0x30, 0xed, 0x53, 0xbb, 1, 0, 0, 0, 0x5b, 0x0f, 0x28, 0xd8, 0x45, 0x89, 0xc1, 0xc3,
    ])
    #expect(found.written == ["rax", "rcx", "xmm3", "r9"])
    #expect(found.isComplete && found.calls.isEmpty)
  }

  @Test("on arm64 as well")
  func arm64() throws {
    // mov w0, w1; add x9, x9, #1; mov x19, x0; fmov s2, s1; ret
    let words: [UInt32] = [0x2a01_03e0, 0x9100_0529, 0xaa00_03f3, 0x1e20_4022, 0xd65f_03c0]
    let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) } }
    #expect(try use(bytes, arm64: true).written == ["x0", "x9", "v2"])
  }

  @Test("a body that changes more is not covered by one that changes less, nor one with other calls")
  func covering() throws {
    let less = try use([0x31, 0xc0, 0xc3])  // xor eax, eax; ret
    let more = try use([0x31, 0xc0, 0x31, 0xc9, 0xc3])  // … xor ecx, ecx …
    let calling = try use([0xe8, 0, 1, 0, 0, 0x31, 0xc0, 0xc3])  // call 0x1105 …
    let unknown = try use([0xff, 0xd7, 0xc3])  // call rdi; ret
    let broken = try use([0x31, 0xc0, 0x06])
    #expect(more.covers(less) && !less.covers(more))
    #expect(calling.calls == [VirtualAddress(0x1105)] && !more.covers(calling) && calling.covers(less))
    #expect(unknown.covers(calling) && !calling.covers(unknown))
    #expect(!broken.isComplete && !more.covers(broken) && !broken.covers(less))
  }
}
