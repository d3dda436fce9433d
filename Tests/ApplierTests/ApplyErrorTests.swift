import Addressing
import Journal
import Testing

@testable import Applier

@Suite struct ApplyErrorTests {
  @Test(
    "Every error says what it is about, how the target was left and what to do next",
    arguments: ApplyError.Code.allCases)
  func everyCodeHasText(code: ApplyError.Code) {
    for outcome in [ApplyError.Outcome.untouched, .rolledBack, .torn(at: UpdateNumber(7))] {
      let error = ApplyError(
        code, outcome: outcome, target: "pid 12 (x)", update: UpdateNumber(7), address: VirtualAddress(0x1234))
      let parts = error.description.split(separator: "; ")
      #expect(parts.first?.hasPrefix("pid 12 (x): ") == true)
      #expect(parts.first?.hasSuffix("(update 7, at 0x1234)") == true)
      #expect(parts.contains { $0 == outcome.description })
      #expect(parts.last?.isEmpty == false)
      if outcome == .torn(at: UpdateNumber(7)) { #expect(parts.last == "try `hcs-journal verify --repair`") }
    }
  }

  @Test func `a failed call is named with its errno in words`() {
    let error = ApplyError(.fileCallFailed, target: "/x", call: "rename", errno: 13)
    #expect(error.description.contains("rename: Permission denied (errno 13)"))
  }

  @Test func `no two codes read alike`() {
    let texts = ApplyError.Code.allCases.map { String(describing: ApplyError($0)).split(separator: ";").first ?? "" }
    #expect(Set(texts).count == texts.count)
  }
}
