import Addressing

/// `flags` of a code directory: `CS_*` (xnu, osfmk/kern/cs_blobs.h).
public struct MachOSignatureFlags: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// CS_ADHOC: by nobody.
  public static let adHoc = MachOSignatureFlags(rawValue: 0x2)
  /// CS_RUNTIME: with the hardened runtime.
  public static let hardenedRuntime = MachOSignatureFlags(rawValue: 0x1_0000)
  /// CS_LINKER_SIGNED: by a linker, to be replaced without asking.
  public static let linkerSigned = MachOSignatureFlags(rawValue: 0x2_0000)
}

/// The hashes of an image's pages, and of the other parts of its signature: `CS_CodeDirectory` (xnu,
/// osfmk/kern/cs_blobs.h). Only SHA-256 is handled.
public struct MachOCodeDirectory: Sendable {
  public let version: UInt32
  public let flags: MachOSignatureFlags
  public let identifier: String
  public let teamIdentifier: String?
  /// How many bytes of the file are hashed, from its beginning.
  public let codeLimit: UInt64
  /// Nil where all of them are one page.
  public let pageByteCount: UInt64?
  public let pageCount: Int
  public let specialSlotCount: Int
  /// `execSegBase`, `execSegLimit`, `execSegFlags`: the executable segment in the file; nil before version 0x20400.
  public let executableSegment: (base: UInt64, limit: UInt64, flags: UInt64)?
  /// `runtime`: the version of the hardened runtime; nil before version 0x20500.
  public let runtimeVersion: UInt32?
  public let slot: MachOSignatureSlot
  let bytes: ByteView
  /// Where the hash of page 0 stands in `bytes`.
  let hashesOffset: Int

  static let hashByteCount = 32
  /// CS_HASHTYPE_SHA256
  private static let sha256: UInt8 = 2

  /// The names of what is refused.
  private static func hashName(_ type: UInt8) -> String {
    switch type {
    case 1: "SHA-1"
    case 3: "SHA-256 cut to 20 bytes"
    case 4: "SHA-384"
    default: "hash type \(type)"
    }
  }

  init(_ blob: MachOSignatureBlob) throws(ObjectFileError) {
    let bytes = blob.bytes
    func field(_ offset: Int) throws(ObjectFileError) -> UInt32 { try bytes.loadBigEndian(UInt32.self, at: offset) }
    guard blob.magic == MachOSignatureBlob.codeDirectoryMagic else {
      throw bytes.signatureFailure(.malformedSignature, "a code directory of magic 0x\(String(blob.magic, radix: 16))")
    }
    version = try field(8)
    // CS_SUPPORTS…: versions are compatible within 0x2xxxx.
    guard (0x20001..<0x30000).contains(version) else {
      throw bytes.signatureFailure(.unsupportedSignature, "a code directory of version 0x\(String(version, radix: 16))")
    }
    (slot, self.bytes) = (blob.slot, bytes)
    flags = MachOSignatureFlags(rawValue: try field(12))
    hashesOffset = Int(try field(16))
    specialSlotCount = Int(try field(24))
    pageCount = Int(try field(28))
    let hashType = try bytes.load(UInt8.self, at: 37)
    guard hashType == Self.sha256, try bytes.load(UInt8.self, at: 36) == UInt8(Self.hashByteCount) else {
      throw bytes.signatureFailure(.unsupportedSignature, "hashes by \(Self.hashName(hashType))")
    }
    identifier = try bytes.cString(at: Int(try field(20)))
    let scatterOffset = version >= 0x20100 ? try field(44) : 0
    guard scatterOffset == 0 else {
      throw bytes.signatureFailure(.unsupportedSignature, "a scatter vector")
    }
    let teamOffset = version >= 0x20200 ? Int(try field(48)) : 0
    teamIdentifier = teamOffset == 0 ? nil : try bytes.cString(at: teamOffset)
    let wideLimit = version >= 0x20300 ? try bytes.loadBigEndian(UInt64.self, at: 56) : 0
    codeLimit = wideLimit == 0 ? UInt64(try field(32)) : wideLimit
    executableSegment =
      version < 0x20400
      ? nil
      : (
        try bytes.loadBigEndian(UInt64.self, at: 64), try bytes.loadBigEndian(UInt64.self, at: 72),
        try bytes.loadBigEndian(UInt64.self, at: 80)
      )
    runtimeVersion = version < 0x20500 ? nil : try field(88)
    let pageShift = try bytes.load(UInt8.self, at: 39)
    pageByteCount = pageShift == 0 ? nil : 1 << UInt64(pageShift)
    try check(pageShift: pageShift)
  }

  private func check(pageShift: UInt8) throws(ObjectFileError) {
    guard pageShift < 32 else {
      throw bytes.signatureFailure(.malformedSignature, "pages of 2 to the \(pageShift) bytes")
    }
    let size = pageByteCount ?? Swift.max(codeLimit, 1)
    let wanted = codeLimit / size + (codeLimit.isMultiple(of: size) ? 0 : 1)
    guard wanted == UInt64(pageCount) else {
      throw bytes.signatureFailure(
        .malformedSignature,
        "\(pageCount) hashes of pages, where 0x\(String(codeLimit, radix: 16)) bytes have \(wanted)")
    }
    // The hashes of special slots stand before those of pages, the first of them last.
    guard hashesOffset >= Self.fieldsByteCount(version: version) + specialSlotCount * Self.hashByteCount else {
      throw bytes.signatureFailure(.malformedSignature, "\(specialSlotCount) special slots among the fields")
    }
    _ = try bytes.table(
      at: UInt64(hashesOffset), count: UInt64(pageCount), entryByteCount: UInt64(Self.hashByteCount))
  }

  private static func fieldsByteCount(version: UInt32) -> Int {
    switch version {
    case ..<0x20100: 44
    case ..<0x20200: 48
    case ..<0x20300: 52
    case ..<0x20400: 64
    case ..<0x20500: 88
    case ..<0x20600: 96
    default: 108
    }
  }

  /// The part of the file that the hash of a page is of, in bytes from its beginning.
  ///
  /// - Precondition: there is such a page.
  public func range(ofPage page: Int) -> Range<UInt64> {
    let size = pageByteCount ?? codeLimit
    let start = UInt64(page) * size
    return start..<Swift.min(start + size, codeLimit)
  }

  /// The pages that hold any of a range of the file's bytes.
  func pages(holding range: Range<UInt64>) -> Range<Int> {
    let end = Swift.min(range.upperBound, codeLimit)
    guard range.lowerBound < end else { return 0..<0 }
    guard let size = pageByteCount else { return 0..<pageCount }
    return Int(range.lowerBound / size)..<Int((end - 1) / size) + 1
  }

  /// - Precondition: there is such a page.
  public func hash(ofPage page: Int) -> [UInt8] { hash(at: hashesOffset + page * Self.hashByteCount) }

  /// The hash of another part of the signature, or of what stands beside it; nil where there is no such slot, or nothing
  /// for it.
  public func hash(of slot: MachOSignatureSlot) -> [UInt8]? {
    guard slot.rawValue > 0, slot.rawValue <= UInt32(clamping: specialSlotCount) else { return nil }
    let hash = hash(at: hashesOffset - Int(slot.rawValue) * Self.hashByteCount)
    return hash.allSatisfy { $0 == 0 } ? nil : hash
  }

  /// - Precondition: `check` found room for it.
  private func hash(at offset: Int) -> [UInt8] {
    bytes.withUnsafeBytes { Array($0[offset..<offset + Self.hashByteCount]) }
  }

  /// Where the hash of a page stands in the file.
  func fileOffset(ofHash page: Int) -> FileOffset {
    FileOffset(bytes.fileOffset.rawValue + UInt64(hashesOffset + page * Self.hashByteCount))
  }
}
