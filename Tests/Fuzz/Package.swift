// swift-tools-version: 6.1
import PackageDescription

/// A fuzzer links only with the flags of `run`, and then nothing else does: a package of its own.
func fuzzer(_ name: String, _ dependency: Target.Dependency) -> Target {
  .executableTarget(
    name: name, dependencies: ["Driver", dependency], swiftSettings: [.unsafeFlags(["-parse-as-library"])])
}

let journal = Target.Dependency.product(name: "Journal", package: "hcs-journal")
let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "hcs-journal", path: "../..")],
  targets: [
    .target(name: "Driver"),
    // The same reading of everything that ObjectFileTests do: what one finds, the other can repeat.
    .target(name: "ObjectFileWalk", dependencies: [.product(name: "ObjectFile", package: "hcs-journal")]),
    fuzzer("FuzzELF", "ObjectFileWalk"), fuzzer("FuzzMachO", "ObjectFileWalk"),
    fuzzer("FuzzPrepare", "ObjectFileWalk"), fuzzer("FuzzDWARF", "ObjectFileWalk"),
    fuzzer("FuzzFixups", "ObjectFileWalk"), fuzzer("FuzzUnwind", "ObjectFileWalk"),
    fuzzer("FuzzLZ4", journal), fuzzer("FuzzKey", journal), fuzzer("FuzzBundle", journal),
    .executableTarget(
      name: "FuzzUpdate", dependencies: [journal], swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
  ],
  swiftLanguageModes: [.v6]
)
