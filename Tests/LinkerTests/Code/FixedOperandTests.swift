import Testing

@testable import Linker

@Suite struct FixedOperandTests {
  /// An instruction as GNU as writes it, and as it writes it with the operand 0x1001 bytes behind a register: %rbx is 3,
  /// %rsi 6, %rdi 7; those that the instruction names are not among them.
  struct Form: Sendable, CustomTestStringConvertible {
    let text: String
    let bytes: [UInt8]
    let field: Int
    let rebased: [UInt8: [UInt8]]

    var testDescription: String { text }

    init(_ text: String, _ bytes: String, _ field: Int, _ rebased: [UInt8: String]) {
      self.text = text
      self.bytes = Self.bytes(bytes)
      self.field = field
      self.rebased = rebased.mapValues(Self.bytes)
    }

    private static func bytes(_ text: String) -> [UInt8] {
      let digits = text.compactMap { $0.hexDigitValue.map(UInt8.init) }
      return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
  }

  private static let forms = [
    Form("mov %eax, x(%rip)", "890500000000", 2, [3: "898301100000", 6: "898601100000", 7: "898701100000"]),
    Form("mov %r9, x(%rip)", "4c890d00000000", 3, [3: "4c898b01100000", 6: "4c898e01100000", 7: "4c898f01100000"]),
    Form("movb %dh, x(%rip)", "883500000000", 2, [3: "88b301100000", 6: "88b601100000", 7: "88b701100000"]),
    Form(
      "movl $7, x(%rip)", "c7050000000007000000", 2,
      [3: "c7830110000007000000", 6: "c7860110000007000000", 7: "c7870110000007000000"]),
    Form("movb $7, x(%rip)", "c6050000000007", 2, [3: "c6830110000007", 6: "c6860110000007", 7: "c6870110000007"]),
    Form(
      "movw $300, x+4(%rip)", "66c705000000002c01", 3,
      [3: "66c783011000002c01", 6: "66c786011000002c01", 7: "66c787011000002c01"]),
    Form(
      "addq $-1, x(%rip)", "48830500000000ff", 3, [3: "48838301100000ff", 6: "48838601100000ff", 7: "48838701100000ff"]),
    Form(
      "cmpl $1000, x+8(%rip)", "813d00000000e8030000", 2,
      [3: "81bb01100000e8030000", 6: "81be01100000e8030000", 7: "81bf01100000e8030000"]),
    Form("incl x(%rip)", "ff0500000000", 2, [3: "ff8301100000", 6: "ff8601100000", 7: "ff8701100000"]),
    Form("lock xaddl %esi, x(%rip)", "f00fc13500000000", 4, [3: "f00fc1b301100000", 7: "f00fc1b701100000"]),
    Form("add x(%rip), %rsi", "48033500000000", 3, [3: "4803b301100000", 7: "4803b701100000"]),
    Form("imul x(%rip), %rdi", "480faf3d00000000", 4, [3: "480fafbb01100000", 6: "480fafbe01100000"]),
    Form("cmovne x(%rip), %ebx", "0f451d00000000", 3, [6: "0f459e01100000", 7: "0f459f01100000"]),
    Form(
      "movss x(%rip), %xmm0", "f30f100500000000", 4,
      [3: "f30f108301100000", 6: "f30f108601100000", 7: "f30f108701100000"]),
    Form(
      "movsd %xmm12, x(%rip)", "f2440f112500000000", 5,
      [3: "f2440f11a301100000", 6: "f2440f11a601100000", 7: "f2440f11a701100000"]),
    Form(
      "cvtsi2sdl x(%rip), %xmm4", "f20f2a2500000000", 4,
      [3: "f20f2aa301100000", 6: "f20f2aa601100000", 7: "f20f2aa701100000"]),
    Form(
      "mulps x(%rip), %xmm15", "440f593d00000000", 4,
      [3: "440f59bb01100000", 6: "440f59be01100000", 7: "440f59bf01100000"]),
    Form(
      "vaddpd x(%rip), %ymm3, %ymm9", "c565580d00000000", 4,
      [3: "c565588b01100000", 6: "c565588e01100000", 7: "c565588f01100000"]),
    Form(
      "vfmadd231sd x(%rip), %xmm1, %xmm2", "c4e2f1b91500000000", 5,
      [3: "c4e2f1b99301100000", 6: "c4e2f1b99601100000", 7: "c4e2f1b99701100000"]),
    Form("andn x(%rip), %rsi, %rdi", "c4e2c8f23d00000000", 5, [3: "c4e2c8f2bb01100000"]),
    Form(
      "vmovups x(%rip), %zmm20", "62e17c48102500000000", 6,
      [3: "62e17c4810a301100000", 6: "62e17c4810a601100000", 7: "62e17c4810a701100000"]),
    Form(
      "vaddps x(%rip), %zmm17, %zmm4", "62f17440582500000000", 6,
      [3: "62f1744058a301100000", 6: "62f1744058a601100000", 7: "62f1744058a701100000"]),
    Form("fldt x(%rip)", "db2d00000000", 2, [3: "dbab01100000", 6: "dbae01100000", 7: "dbaf01100000"]),
    Form("flds x(%rip)", "d90500000000", 2, [3: "d98301100000", 6: "d98601100000", 7: "d98701100000"]),
    Form("setne x(%rip)", "0f950500000000", 3, [3: "0f958301100000", 6: "0f958601100000", 7: "0f958701100000"]),
    Form("shll $3, x(%rip)", "c1250000000003", 2, [3: "c1a30110000003", 6: "c1a60110000003", 7: "c1a70110000003"]),
    Form(
      "mov x(,%rax,8), %rdx", "488b14c500000000", 4,
      [3: "488b94c301100000", 6: "488b94c601100000", 7: "488b94c701100000"]),
    Form(
      "mov %rdx, x(,%r13,4)", "4a8914ad00000000", 4,
      [3: "4a8994ab01100000", 6: "4a8994ae01100000", 7: "4a8994af01100000"]),
    Form("mov x(%rsi), %eax", "8b8600000000", 2, [3: "488d1c338b8301100000", 7: "488d3c378b8701100000"]),
    Form("lea x(%r9), %rdi", "498db900000000", 3, [3: "4a8d1c0b488dbb01100000", 6: "4a8d340e488dbe01100000"]),
    Form(
      "movss x(%rdi,%rcx,4), %xmm1", "f30f108c8f00000000", 5,
      [3: "488d1c3bf30f108c8b01100000", 6: "488d343ef30f108c8e01100000"]),
    Form(
      "pcmpeqb x(%rip), %xmm2", "660f741500000000", 4,
      [3: "660f749301100000", 6: "660f749601100000", 7: "660f749701100000"]),
    Form(
      "pshufd $27, x(%rip), %xmm2", "660f7015000000001b", 4,
      [3: "660f7093011000001b", 6: "660f7096011000001b", 7: "660f7097011000001b"]),
  ]

  @Test("an operand moves behind a register as an assembler writes it", arguments: forms)
  func rebased(_ form: Form) throws {
    let operand = try #require(FixedOperand(form.bytes, field: form.field))
    let expected = try #require(form.rebased[operand.scratch], "%\(operand.scratch) is one of its own registers")
    let (sum, instruction) = operand.rebased(displacement: 0x1001)
    #expect(sum + instruction == expected)
  }

  @Test("instructions that push, call or go by the stack pointer are left alone")
  func stack() {
    // call *x(%rip) · jmp *x(%rip) · push x(%rip) · pop x(%rip) · mov %rsp,x(%rip) · cmp x(%rip),%rsp
    for head: [UInt8] in [
      [0xff, 0x15], [0xff, 0x25], [0xff, 0x35], [0x8f, 0x05], [0x48, 0x89, 0x25], [0x48, 0x3b, 0x25],
    ] {
      #expect(FixedOperand(head + [0, 0, 0, 0], field: head.count) == nil, "\(head)")
    }
  }

  @Test("a field that is no operand's displacement is none")
  func field() {
    #expect(FixedOperand([0x89, 0x05, 0, 0, 0, 0], field: 1) == nil)
    #expect(FixedOperand([0x89, 0x05, 0, 0, 0], field: 2) == nil)
    #expect(FixedOperand([], field: 0) == nil)
    #expect(FixedOperand([0x66, 0x66], field: 2) == nil)
    // cmp $x,%rax: an immediate.
    #expect(FixedOperand([0x48, 0x3d, 0, 0, 0, 0], field: 2) == nil)
  }
}
