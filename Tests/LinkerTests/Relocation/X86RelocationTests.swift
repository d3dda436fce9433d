import Testing

@testable import Linker

@Suite struct X86RelocationTests {
  @Test(
    "the psABI's names and numbers go together",
    arguments: [
      (1, "R_X86_64_64"), (2, "R_X86_64_PC32"), (4, "R_X86_64_PLT32"), (9, "R_X86_64_GOTPCREL"), (11, "R_X86_64_32S"),
      (19, "R_X86_64_TLSGD"), (22, "R_X86_64_GOTTPOFF"), (26, "R_X86_64_GOTPC32"), (33, "R_X86_64_SIZE64"),
      (34, "R_X86_64_GOTPC32_TLSDESC"), (37, "R_X86_64_IRELATIVE"), (42, "R_X86_64_REX_GOTPCRELX"),
      (51, "R_X86_64_CODE_6_GOTPC32_TLSDESC"), (250, "R_X86_64_GNU_VTINHERIT"),
    ] as [(UInt32, String)])
  func names(_ number: UInt32, _ name: String) {
    #expect(X86Relocation(rawValue: number)?.name == name)
  }

  @Test("every type has a name of its own, and a number without a type is named by the number")
  func distinct() {
    #expect(Set(X86Relocation.allCases.map(\.name)).count == X86Relocation.allCases.count)
    #expect(X86Relocation.name(of: 39) == "relocation type 39")
  }
}
