// swift-tools-version: 6.1
import PackageDescription

// A package of its own: a fuzzer links only with the flags of `run`, and then nothing else does.
let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "hcs-journal", path: "../..")],
  targets: [
    // The same reading of everything that ObjectFileTests do: what one finds, the other can repeat.
    .target(name: "ObjectFileWalk", dependencies: [.product(name: "ObjectFile", package: "hcs-journal")]),
    .executableTarget(
      name: "FuzzELF", dependencies: ["ObjectFileWalk"], swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
    .executableTarget(
      name: "FuzzMachO", dependencies: ["ObjectFileWalk"], swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
    .executableTarget(
      name: "FuzzUpdate", dependencies: [.product(name: "Journal", package: "hcs-journal")],
      swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
    .executableTarget(
      name: "FuzzLZ4", dependencies: [.product(name: "Journal", package: "hcs-journal")],
      swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
    .executableTarget(
      name: "FuzzPrepare", dependencies: ["ObjectFileWalk"], swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
    .executableTarget(
      name: "FuzzDWARF", dependencies: ["ObjectFileWalk"], swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
    .executableTarget(
      name: "FuzzFixups", dependencies: ["ObjectFileWalk"], swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
    .executableTarget(
      name: "FuzzUnwind", dependencies: ["ObjectFileWalk"], swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
  ],
  swiftLanguageModes: [.v6]
)
