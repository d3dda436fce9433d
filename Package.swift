// swift-tools-version: 6.1
import PackageDescription

// What stands on one system alone is left out on others whole; else `#if os` stands in files named for a system.
#if os(Linux)
  let linuxSources: [String] = []
  let linuxTests: [String] = []
#else
  let linuxSources = ["Linux"]
  let linuxTests = [
    "LinkMapTests.swift", "LinuxApplyTests.swift", "LinuxTaskMemoryTests.swift", "LinuxTaskOccupantsTests.swift",
    "LinuxTaskRemoteCallTests.swift", "LinuxTaskStopTests.swift", "LinuxTaskSymbolsTests.swift", "LinuxTaskTests.swift",
    "LinuxVictim.swift", "ProcessFilesTests.swift", "SignalFrameTests.swift", "SpawnedProcessTests.swift",
    "StackWalkTests.swift",
  ]
#endif

// The law between the rooms is read here (docs/design.md): hcs-journal → {Linker, Applier} →
// {Journal, ObjectFile} → Addressing. Linker and Applier never meet; Journal and ObjectFile never meet.
let package = Package(
  name: "hcs-journal",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Journal", targets: ["Journal"]),
    .library(name: "ObjectFile", targets: ["ObjectFile"]),
    .library(name: "Linker", targets: ["Linker"]),
    .library(name: "Applier", targets: ["Applier"]),
    .executable(name: "hcs-journal", targets: ["hcs-journal"]),
  ],
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
  ],
  targets: [
    .target(name: "Addressing"),
    .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
    .systemLibrary(name: "CCapstone", pkgConfig: "capstone", providers: [.apt(["libcapstone-dev"])]),
    // GNU libiberty, of binutils: one demangler for C++ and Rust.
    .systemLibrary(name: "CIberty", providers: [.apt(["libiberty-dev"]), .brew(["binutils"])]),
    .target(name: "CLinuxTask", cSettings: [.define("_GNU_SOURCE")]),
    .target(name: "CDarwinTask"),
    .target(
      name: "Journal",
      dependencies: [
        "Addressing", "CLZ4",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      resources: [.embedInCode("migrations")]),
    .target(name: "ObjectFile", dependencies: ["Addressing", "CIberty"]),
    .target(name: "Linker", dependencies: ["Addressing", "Journal", "ObjectFile", "CCapstone"]),
    .target(
      name: "Applier", dependencies: ["Addressing", "Journal", "ObjectFile", "CLinuxTask", "CDarwinTask"],
      exclude: linuxSources),
    .executableTarget(
      name: "hcs-journal",
      dependencies: [
        "Addressing", "Journal", "ObjectFile", "Linker", "Applier",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    // What scripts/bench history measures with: journals of any length, made through the library.
    .executableTarget(
      name: "history-benchmark",
      dependencies: [
        "Addressing", "Journal", "ObjectFile", "Linker", .product(name: "GRDB", package: "GRDB.swift"),
      ], path: "Tests/Benchmarks/History"),
    .testTarget(
      name: "ObjectFileTests", dependencies: ["ObjectFile", .product(name: "Crypto", package: "swift-crypto")]),
    .testTarget(
      name: "JournalTests", dependencies: ["Journal", .product(name: "GRDB", package: "GRDB.swift")]),
    .testTarget(name: "LinkerTests", dependencies: ["Linker", "Applier"]),
    .testTarget(
      name: "ApplierTests", dependencies: ["Applier", "Linker", "ObjectFile"], exclude: ["Darwin/headers"] + linuxTests),
    .testTarget(name: "CommandTests", dependencies: ["hcs-journal", "Applier", "Journal", "Addressing"]),
  ],
  swiftLanguageModes: [.v6]
)
