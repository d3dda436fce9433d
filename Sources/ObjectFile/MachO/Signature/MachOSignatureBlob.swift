/// What a blob of a code signature is for: `CSSLOT_*` (xnu, osfmk/kern/cs_blobs.h).
public struct MachOSignatureSlot: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let codeDirectory = MachOSignatureSlot(rawValue: 0)
  /// The hash of Info.plist, which stands elsewhere.
  public static let info = MachOSignatureSlot(rawValue: 1)
  public static let requirements = MachOSignatureSlot(rawValue: 2)
  /// The hash of a bundle's resources, which stand elsewhere.
  public static let resources = MachOSignatureSlot(rawValue: 3)
  public static let application = MachOSignatureSlot(rawValue: 4)
  public static let entitlements = MachOSignatureSlot(rawValue: 5)
  public static let entitlementsDER = MachOSignatureSlot(rawValue: 7)
  /// CSSLOT_ALTERNATE_CODEDIRECTORIES: the first of five.
  public static let alternateCodeDirectory = MachOSignatureSlot(rawValue: 0x1000)
  /// CSSLOT_SIGNATURESLOT: a signature by an identity, in CMS; ad hoc an empty blob or none.
  public static let identitySignature = MachOSignatureSlot(rawValue: 0x10000)

  public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }

  var isCodeDirectory: Bool {
    self == .codeDirectory || (Self.alternateCodeDirectory.rawValue..<0x1005).contains(rawValue)
  }

  /// Whether a code directory holds the hash of the blob.
  var isHashed: Bool { rawValue > 0 && rawValue < Self.alternateCodeDirectory.rawValue }
}

/// A part of a code signature: a magic number, its length, and what it is.
public struct MachOSignatureBlob: Sendable {
  public let slot: MachOSignatureSlot
  /// `CSMAGIC_*`.
  public let magic: UInt32
  /// All of it, its magic number and length as well: what is hashed.
  public let bytes: ByteView
  /// From the beginning of the signature.
  let offset: Int

  /// CSMAGIC_EMBEDDED_SIGNATURE: the super blob that holds the others.
  static let superBlobMagic: UInt32 = 0xFADE_0CC0
  /// CSMAGIC_CODEDIRECTORY
  static let codeDirectoryMagic: UInt32 = 0xFADE_0C02
  static let headerByteCount = 8

  /// What follows magic number and length.
  public var content: ByteView {
    get throws(ObjectFileError) { try bytes.suffix(from: UInt64(Self.headerByteCount)) }
  }

  init(_ signature: ByteView, slot: MachOSignatureSlot, at offset: Int) throws(ObjectFileError) {
    self.slot = slot
    self.offset = offset
    magic = try signature.loadBigEndian(UInt32.self, at: offset)
    let length = try signature.loadBigEndian(UInt32.self, at: offset + 4)
    bytes = try signature.slice(UInt64(offset), UInt64(length))
    guard bytes.count >= Self.headerByteCount else {
      throw bytes.signatureFailure(.malformedSignature, "a blob of \(length) bytes")
    }
  }
}

extension ByteView {
  /// Code signatures are big-endian on every machine.
  func loadBigEndian<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type, at offset: Int
  ) throws(ObjectFileError) -> Value {
    try load(type, at: offset).byteSwapped
  }

  func signatureFailure(_ code: ObjectFileError.Code, _ detail: String) -> ObjectFileError {
    ObjectFileError(code, file: fileName, offset: fileOffset, detail: detail, format: .machO)
  }
}
