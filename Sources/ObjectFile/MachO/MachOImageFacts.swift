public import Addressing

/// What system an image or object is for (LC_BUILD_VERSION, LC_VERSION_MIN_*).
public struct MachOBuildVersion: Hashable, Sendable {
  /// PLATFORM_MACOS 1, PLATFORM_IOS 2, …
  public var platform: UInt32
  public var minimumSystem: MachOVersion
  public var sdk: MachOVersion
  /// TOOL_CLANG 1, TOOL_SWIFT 2, TOOL_LD 3, TOOL_LLD 4, with their versions.
  public var tools: [Tool]

  public struct Tool: Hashable, Sendable {
    public var kind: UInt32
    public var version: MachOVersion
  }
}

/// A version in 32 bits: 16 for the first number, 8 for each of the others.
public struct MachOVersion: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
  public var rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }

  public var description: String { "\(rawValue >> 16).\(rawValue >> 8 & 0xFF).\(rawValue & 0xFF)" }
}

/// A library that the image loads, or its own identity (`struct dylib_command`).
public struct MachOLibrary: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// LC_LOAD_DYLIB
    case needed
    /// LC_LOAD_WEAK_DYLIB: may be missing
    case weak
    /// LC_REEXPORT_DYLIB
    case reexported
    /// LC_LAZY_LOAD_DYLIB
    case lazy
    /// LC_LOAD_UPWARD_DYLIB
    case upward
    /// LC_ID_DYLIB
    case identity
  }

  public var kind: Kind
  public var name: String
  public var currentVersion: MachOVersion
  public var compatibilityVersion: MachOVersion
}

extension MachOFile {
  /// LC_UUID, the image's identity.
  public var uuid: [UInt8]? {
    guard let command = loadCommands.first(.uuid) else { return nil }
    return try? command.view.bytes(at: 8, count: 16)
  }

  public func buildVersion() throws(ObjectFileError) -> MachOBuildVersion? {
    if let command = loadCommands.first(.buildVersion) {
      let view = command.view
      let tools = try view.table(at: 24, count: UInt64(try view.load(UInt32.self, at: 20)), entryByteCount: 8)
      return MachOBuildVersion(
        platform: try view.load(UInt32.self, at: 8),
        minimumSystem: MachOVersion(rawValue: try view.load(UInt32.self, at: 12)),
        sdk: MachOVersion(rawValue: try view.load(UInt32.self, at: 16)),
        tools: stride(from: 0, to: tools.count, by: 8).map {
          MachOBuildVersion.Tool(
            kind: tools.loadValidated(UInt32.self, at: $0),
            version: MachOVersion(rawValue: tools.loadValidated(UInt32.self, at: $0 + 4)))
        })
    }
    let older: [(MachOLoadCommandKind, platform: UInt32)] = [
      (.minimumMacOS, 1), (.minimumIOS, 2), (.minimumTVOS, 3), (.minimumWatchOS, 4),
    ]
    for (kind, platform) in older {
      guard let command = loadCommands.first(kind) else { continue }
      return MachOBuildVersion(
        platform: platform, minimumSystem: MachOVersion(rawValue: try command.view.load(UInt32.self, at: 8)),
        sdk: MachOVersion(rawValue: try command.view.load(UInt32.self, at: 12)), tools: [])
    }
    return nil
  }

  /// The libraries an image loads, in the order by which symbols number them (from 1).
  public func libraries() throws(ObjectFileError) -> [MachOLibrary] {
    var result: [MachOLibrary] = []
    for command in loadCommands {
      let kind: MachOLibrary.Kind
      switch command.kind {
      case .loadLibrary: kind = .needed
      case .loadWeakLibrary: kind = .weak
      case .reexportLibrary: kind = .reexported
      case .lazyLoadLibrary: kind = .lazy
      case .loadUpwardLibrary: kind = .upward
      default: continue
      }
      result.append(try library(command, kind))
    }
    return result
  }

  /// LC_ID_DYLIB of a library.
  public func libraryIdentity() throws(ObjectFileError) -> MachOLibrary? {
    guard let command = loadCommands.first(.libraryIdentity) else { return nil }
    return try library(command, .identity)
  }

  private func library(
    _ command: MachOLoadCommand, _ kind: MachOLibrary.Kind
  ) throws(ObjectFileError) -> MachOLibrary {
    MachOLibrary(
      kind: kind, name: try command.string(at: 8),
      currentVersion: MachOVersion(rawValue: try command.view.load(UInt32.self, at: 16)),
      compatibilityVersion: MachOVersion(rawValue: try command.view.load(UInt32.self, at: 20)))
  }

  /// LC_LOAD_DYLINKER
  public func dynamicLinker() throws(ObjectFileError) -> String? {
    guard let command = loadCommands.first(.loadDynamicLinker) else { return nil }
    return try command.string(at: 8)
  }

  /// LC_RPATH
  public func runPaths() throws(ObjectFileError) -> [String] {
    var result: [String] = []
    for command in loadCommands where command.kind == .runPath { result.append(try command.string(at: 8)) }
    return result
  }

  /// Where an executable starts: LC_MAIN, whose offset counts from the Mach header, or the program counter of
  /// LC_UNIXTHREAD. Nil in objects and libraries.
  public func entry() throws(ObjectFileError) -> VirtualAddress? {
    if let command = loadCommands.first(.main) {
      let offset = try command.view.load(UInt64.self, at: 8)
      guard let entry = headerAddress?.advanced(by: offset) else {
        throw failure(.addressWrapsAround, at: command.fileOffset, detail: "entryoff 0x\(String(offset, radix: 16))")
      }
      return entry
    }
    guard let command = loadCommands.first(.unixThread) else { return nil }
    let flavor = try command.view.load(UInt32.self, at: 8)
    // x86_THREAD_STATE64: rip is the 17th register; ARM_THREAD_STATE64: pc the 33rd.
    switch (header.machine, flavor) {
    case (.x86_64, 4): return VirtualAddress(try command.view.load(UInt64.self, at: 16 + 16 * 8))
    case (.arm64, 6): return VirtualAddress(try command.view.load(UInt64.self, at: 16 + 32 * 8))
    default: throw failure(.unsupportedLoadCommand, at: command.fileOffset, detail: "LC_UNIXTHREAD of flavor \(flavor)")
    }
  }
}
