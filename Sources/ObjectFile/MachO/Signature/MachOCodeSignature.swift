/// An image's code signature: LC_CODE_SIGNATURE, a super blob (xnu, osfmk/kern/cs_blobs.h, CS_SuperBlob).
///
/// Hashes are SHA-256. Who checks or signs brings the function: this room knows no cryptography.
public struct MachOCodeSignature: Sendable {
  /// SHA-256 of bytes: 32 bytes.
  public typealias Hash = (_ bytes: [UInt8]) -> [UInt8]

  /// In the order of the signature's index, each slot once.
  public let blobs: [MachOSignatureBlob]
  /// The one that counts, and alternates with other hashes of the same.
  public let directories: [MachOCodeDirectory]
  /// The signature, without what stands behind it up to the end of the file.
  public let bytes: ByteView

  /// - Parameter data: what LC_CODE_SIGNATURE points to.
  /// - Throws: `malformedSignature`; `unsupportedSignature` for hashes other than SHA-256.
  public init(_ data: ByteView) throws(ObjectFileError) {
    guard try data.loadBigEndian(UInt32.self, at: 0) == MachOSignatureBlob.superBlobMagic else {
      throw data.signatureFailure(.malformedSignature, "no embedded signature stands where one should")
    }
    bytes = try data.slice(0, UInt64(try data.loadBigEndian(UInt32.self, at: 4)))
    let index = try bytes.table(
      at: 12, count: UInt64(try bytes.loadBigEndian(UInt32.self, at: 8)), entryByteCount: 8)
    var blobs: [MachOSignatureBlob] = []
    var slots: Set<MachOSignatureSlot> = []
    for at in stride(from: 0, to: index.count, by: 8) {
      let slot = MachOSignatureSlot(rawValue: try index.loadBigEndian(UInt32.self, at: at))
      let offset = Int(try index.loadBigEndian(UInt32.self, at: at + 4))
      guard slots.insert(slot).inserted, offset >= 12 + index.count else {
        throw index.signatureFailure(
          .malformedSignature, "slot 0x\(String(slot.rawValue, radix: 16)) twice, or in the index")
      }
      blobs.append(try MachOSignatureBlob(bytes, slot: slot, at: offset))
    }
    self.blobs = blobs
    var directories: [MachOCodeDirectory] = []
    for blob in blobs where blob.slot.isCodeDirectory { directories.append(try MachOCodeDirectory(blob)) }
    self.directories = directories.sorted { $0.slot < $1.slot }
    guard self.directories.first?.slot == .codeDirectory else {
      throw bytes.signatureFailure(.malformedSignature, "it has no code directory")
    }
  }

  public func blob(_ slot: MachOSignatureSlot) -> MachOSignatureBlob? { blobs.first { $0.slot == slot } }

  /// The property list of entitlements, as XML.
  public func entitlements() throws(ObjectFileError) -> ByteView? { try blob(.entitlements)?.content }

  /// Whether anyone may sign it again.
  public var isAdHoc: Bool {
    // An empty blob stands for no signature by an identity.
    let isByIdentity = blob(.identitySignature).map { $0.bytes.count > MachOSignatureBlob.headerByteCount } ?? false
    return !isByIdentity && directories.allSatisfy { $0.flags.contains(.adHoc) }
  }

  /// - Throws: `signedByIdentity`, with the identifier.
  func requireAdHoc() throws(ObjectFileError) {
    guard !isAdHoc else { return }
    let team = directories.first?.teamIdentifier.map { " of team \($0)" } ?? ""
    throw bytes.signatureFailure(.signedByIdentity, (directories.first?.identifier ?? "") + team)
  }
}

extension MachOFile {
  /// Nil where the image is not signed.
  public func codeSignature() throws(ObjectFileError) -> MachOCodeSignature? {
    guard let data = try linkEditData(.codeSignature) else { return nil }
    return try MachOCodeSignature(data)
  }
}
