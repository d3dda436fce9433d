import Testing

@testable import Linker

@Suite struct CompilerFactsTests {
  @Test("compilers are told apart by what they print, with their versions")
  func families() {
    let facts = CompilerFacts([
      "GCC: (Debian 12.2.0-14+deb12u1) 12.2.0",
      "clang version 21.0.0 (https://github.com/swiftlang/llvm-project.git 11)",
      "Debian clang version 14.0.6", "rustc version 1.95.0 (59807616e 2026-04-14)",
      "clang LLVM (rustc version 1.95.0)", "Swift version 6.3.1 (swift-6.3.1-RELEASE)", "zig 0.14.1",
      "Linker: LLD 14.0.6", "mold 1.10.1 (compatible with GNU ld)", "GNU AS 2.40", "", "tcc",
    ])
    #expect(facts.producers.map(\.family) == [.gcc, .clang, .clang, .rust, .swift, .zig, .other])
    #expect(facts.producers.map(\.version) == ["12.2.0", "21.0.0", "14.0.6", "1.95.0", "6.3.1", "0.14.1", nil])
  }

  @Test(
    "a GCC object relies on its callees' registers from -O2 on, unless told not to",
    arguments: [
      ("-mtune=generic -march=x86-64 -g -O2", true), ("-g -Os", true), ("-O3 -fno-ipa-ra", false),
      ("-O2 -fno-ipa-ra -fipa-ra", true), ("-g", false), ("-O0", false), ("-O1", false), ("-Og", false),
      ("-O1 -fipa-ra", true), ("-O2 -O1", false),
    ])
  func registers(_ options: String, _ expected: Bool) {
    let facts = CompilerFacts(["GCC: (Debian 12.2.0-14+deb12u1) 12.2.0", "GNU C17 12.2.0 " + options])
    #expect(facts.mayRelyOnCalleeRegisters == expected)
  }

  @Test(
    "a GCC object may reach variables by their distance, unless told not to",
    arguments: [
      ("-mlittle-endian -mabi=lp64 -g -O2", true), ("-g", false), ("-O0", false), ("-O2 -fno-section-anchors", false),
      ("-fsection-anchors", true),
    ])
  func sectionAnchors(_ options: String, _ expected: Bool) {
    #expect(CompilerFacts(["GNU C17 12.2.0 " + options]).mayUseSectionAnchors == expected)
    #expect(CompilerFacts(["GCC: (Debian 12.2.0-14) 12.2.0"]).mayUseSectionAnchors)
    #expect(!CompilerFacts(["clang version 21.0.0"]).mayUseSectionAnchors)
  }

  @Test("without options the careful answer is given, and clang never does it")
  func unknown() {
    #expect(CompilerFacts(["GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"]).mayRelyOnCalleeRegisters)
    #expect(CompilerFacts([]).mayRelyOnCalleeRegisters)
    #expect(!CompilerFacts(["clang version 21.0.0"]).mayRelyOnCalleeRegisters)
    #expect(CompilerFacts(["GNU C17 12.2.0 -O0", "GNU C17 12.2.0 -O2"]).mayRelyOnCalleeRegisters)
  }
}
