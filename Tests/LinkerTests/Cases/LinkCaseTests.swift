import Foundation
import Testing

/// Real programs by real compilers, each with edits: see `LinkCase`.
@Suite struct LinkCaseTests {
  struct Arguments: Sendable, CustomTestStringConvertible {
    let linkCase: LinkCase
    let build: CaseBuild

    var testDescription: String { "\(linkCase.name): \(linkCase.about) (\(build.testDescription))" }
  }

  private static func arguments(in folder: String) throws -> [Arguments] {
    let isLong = ProcessInfo.processInfo.environment["HCSJ_LONG"] != nil
    return try LinkCase.all(in: folder).flatMap { linkCase in
      let more = isLong && !linkCase.isBoundToBuilds ? CaseBuild.matrix : []
      let arm64 =
        folder == "good" && linkCase.isForARM64 && !linkCase.isBoundToBuilds
        ? CaseBuild.arm64 + (isLong ? CaseBuild.arm64Matrix : []) : []
      return (linkCase.builds + more + arm64).filter(CaseBuild.isWanted).map {
        Arguments(linkCase: linkCase, build: $0)
      }
    }
  }

  @Test(
    "a file at every edit runs as a clean build does, and goes back byte for byte", arguments: try arguments(in: "good")
  )
  func good(_ arguments: Arguments) throws {
    try CaseRun(arguments.linkCase, arguments.build).run()
  }

  @Test("what cannot be linked under a running program is refused by name", arguments: try arguments(in: "refused"))
  func refused(_ arguments: Arguments) throws {
    try CaseRun.expectRefusal(of: arguments.linkCase, arguments.build)
  }
}
