public import Addressing

/// A part of a file or of its signature whose hash is not the one that was signed.
public struct MachOSignatureMismatch: Hashable, Sendable {
  public enum Part: Hashable, Sendable {
    case page(Int)
    case blob(MachOSignatureSlot)
  }

  public var part: Part
  /// Where what is hashed stands in the file.
  public var offset: FileOffset
  public var byteCount: UInt64
  /// Where the signed hash stands in the file; where the hashes of pages begin, if there is none.
  public var hashOffset: FileOffset
  public var signedHash: [UInt8]
  public var actualHash: [UInt8]
}

extension MachOSignatureMismatch: CustomStringConvertible {
  public var description: String {
    let name =
      switch part {
      case .page(let page): "page \(page)"
      case .blob(let slot): "slot \(slot.rawValue) of the signature"
      }
    let end = offset.rawValue + byteCount
    return "\(name), file offsets 0x\(String(offset.rawValue, radix: 16)) to 0x\(String(end, radix: 16)): signed "
      + "\(signedHash.hexadecimal), is \(actualHash.hexadecimal)"
  }
}

extension [UInt8] {
  fileprivate var hexadecimal: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}

extension MachOCodeSignature {
  /// What in the file, or in the signature itself, is not what was signed. Nothing where the signature holds.
  ///
  /// What stands elsewhere (Info.plist, a bundle's resources) is not looked at.
  ///
  /// - Parameter file: the whole image.
  /// - Throws: `malformedSignature` where more is signed than there is, or the signature itself is.
  public func mismatches(in file: ByteView, sha256: Hash) throws(ObjectFileError) -> [MachOSignatureMismatch] {
    var result: [MachOSignatureMismatch] = []
    for directory in directories {
      guard directory.codeLimit <= UInt64(file.count), directory.codeLimit <= bytes.fileOffset.rawValue else {
        throw bytes.signatureFailure(
          .malformedSignature, "0x\(String(directory.codeLimit, radix: 16)) bytes are signed, more than stand before it"
        )
      }
      for page in 0..<directory.pageCount {
        let range = directory.range(ofPage: page)
        let actual = sha256(try file.slice(range.lowerBound, range.upperBound - range.lowerBound).allBytes)
        let signed = directory.hash(ofPage: page)
        guard actual != signed else { continue }
        result.append(
          MachOSignatureMismatch(
            part: .page(page), offset: FileOffset(range.lowerBound), byteCount: range.upperBound - range.lowerBound,
            hashOffset: directory.fileOffset(ofHash: page), signedHash: signed, actualHash: actual))
      }
      for blob in blobs where blob.slot.isHashed {
        let actual = sha256(blob.bytes.allBytes)
        let signed = directory.hash(of: blob.slot)
        guard actual != signed else { continue }
        result.append(
          MachOSignatureMismatch(
            part: .blob(blob.slot), offset: blob.bytes.fileOffset, byteCount: UInt64(blob.bytes.count),
            hashOffset: directory.fileOffset(ofHash: signed == nil ? 0 : -Int(blob.slot.rawValue)),
            signedHash: signed ?? [UInt8](repeating: 0, count: MachOCodeDirectory.hashByteCount), actualHash: actual))
      }
    }
    return result
  }
}
