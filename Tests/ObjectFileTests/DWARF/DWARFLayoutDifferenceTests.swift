import ObjectFile
import Testing

@Suite struct `Differences of layouts in words` {
  private func difference(_ old: String, _ new: String) -> String {
    DWARFTypeLayout.difference(between: old, and: new)
  }

  @Test func `what was added comes before what it moved`() {
    #expect(
      difference(
        "struct 16 {next@0 *struct conn; len@8 unsigned4}",
        "struct 24 {next@0 *struct conn; flags@8 unsigned8; len@16 unsigned4}")
        == "member `flags` was added at byte 8; member `len` moved from byte 8 to byte 16; 24 bytes in place of 16")
  }

  @Test func `a member that went, and one of another type`() {
    #expect(
      difference("struct 16 {a@0 signed4; b@8 signed8}", "struct 16 {b@8 float8}")
        == "member `a` is gone; member `b` changed from `signed8` to `float8`")
  }

  @Test func `another name at the same place is told as a new name`() {
    #expect(
      difference("struct 8 {a@0 signed4; b@4 signed4}", "struct 8 {a@0 signed4; c@4 signed4}")
        == "member `b` at byte 4 is called `c` now")
  }

  @Test func `two members that changed places`() {
    #expect(
      difference("struct 8 {a@0 signed4; b@4 signed4}", "struct 8 {b@0 signed4; a@4 signed4}")
        == "member `a` moved from byte 0 to byte 4; member `b` moved from byte 4 to byte 0")
  }

  @Test func `bit-fields are told with bit and width`() {
    #expect(
      difference("struct 4 {a@0.0/3 unsigned4}", "struct 4 {a@0.0/5 unsigned4}")
        == "member `a` moved from byte 0, bit 0, 3 wide to byte 0, bit 0, 5 wide")
  }

  @Test func `a struct held by value is named without its digest`() {
    #expect(
      difference("struct 8 {in@0 struct b 8 #0123456789abcdef}", "struct 8 {in@0 struct b 8 #0123456789abcdee}")
        == "member `in`: the layout of `struct b 8` changed")
  }

  @Test func `what stands in a struct without a name is looked into`() {
    #expect(
      difference(
        "struct 8 {u@0 union 4 {i@0 signed4}; @4 struct 4 {c@0 char1}}",
        "struct 8 {u@0 union 4 {i@0 unsigned4}; @4 struct 4 {c@0 char1; d@1 char1}}")
        == "in member `u`: member `i` changed from `signed4` to `unsigned4`; "
        + "in the member without a name at byte 4: member `d` was added at byte 1")
  }

  @Test func `enumerators are told by their values`() {
    let old = "enum 4 {A=0; B=1; C=2}"
    #expect(
      difference(old, "enum 4 {A=0; B=2; D=3}")
        == "enumerator `B` changed from 1 to 2; enumerator `C` is gone; enumerator `D` was added")
    #expect(DWARFTypeLayout.onlyAddsEnumerators(from: old, to: "enum 4 {A=0; X=7; B=1; C=2}"))
    #expect(!DWARFTypeLayout.onlyAddsEnumerators(from: old, to: "enum 4 {A=0; X=1; B=2; C=3}"))
    #expect(!DWARFTypeLayout.onlyAddsEnumerators(from: old, to: "enum 8 {A=0; B=1; C=2; D=5000000000}"))
    #expect(!DWARFTypeLayout.onlyAddsEnumerators(from: "struct 4 {a@0 signed4}", to: "struct 4 {a@0 signed4}"))
  }

  @Test func `texts that are no layouts are shown as they are`() {
    #expect(difference("signed4", "*struct conn") == "`signed4` became `*struct conn`")
    #expect(
      difference("fn(signed4) -> void", "fn(signed4, *char1) -> void")
        == "`fn(signed4) -> void` became `fn(signed4, *char1) -> void`")
    #expect(difference("struct 8 {a@0 signed8}", "union 8 {a@0 signed8}") == "the struct became a union")
    #expect(difference("signed4", "signed4") == "no difference")
  }

  @Test func `many differences are counted`() {
    #expect(
      difference("struct 8 {}", "struct 8 {a@0 char1; b@1 char1; c@2 char1; d@3 char1; e@4 char1}")
        == "member `a` was added at byte 0; member `b` was added at byte 1; member `c` was added at byte 2; and 2 more")
  }

  @Test func `every pair of real layouts has a difference in words`() throws {
    let source = """
      struct s { int a; A b; struct { A c; int d : B; } in; enum { X = B } e; void (*f)(A); } s;
      int use(void) { return s.a; }
      """
    let old = try DWARFCompiler.one.facts(source, ["-DA=int", "-DB=3"])
    let new = try DWARFCompiler.one.facts(source, ["-DA=long", "-DB=4"])
    let text = difference(try #require(old.layout("struct s")), try #require(new.layout("struct s")))
    #expect(text.hasPrefix("member `b` changed from `signed4` to `signed8`; in member `in`: member `c` changed"))
  }

  @Test func `texts that no compiler writes do no harm`() {
    for text in ["", "{", "}", "struct {", "struct 8 {}", "struct 8 {;;}", "struct 8 {@}", "enum 4 {=;=}", "x {a}"] {
      for other in ["struct 8 {a@0 x}", "enum 4 {A=1}", "struct 8 {[;}", text] {
        #expect(!difference(text, other).isEmpty)
        #expect(!difference(other, text).isEmpty)
      }
    }
  }
}
