import Addressing
import Journal
public import ObjectFile

extension FileImage {
  /// The header page is no operation's, for it holds the digest of the update; and so its hash cannot be one's either.
  ///
  /// - Returns: what makes the signature right for a header that the copy has already.
  func headerHashes(_ header: [UInt8], at offset: FileOffset) throws(ApplyError) -> [FileEdit] {
    guard base.format == .machO else { return [] }
    do {
      let file = try MachOFile(MappedFile(path: name))
      return try file.codeSignature()?.edits(
        signing: [FileEdit(offset: offset, before: header, after: header)], byteCount: base.preparedByteCount,
        sha256: { Digest.sha256(of: $0).bytes }, read: { try self.read(.file($0), count: $1) }) ?? []
    } catch {
      throw ApplyError(.fileMalformed, target: name, cause: error)
    }
  }

  /// What in a Mach-O image is not as its code signature says: a kernel kills a program at the first such page.
  ///
  /// - Returns: nil where the image is not signed, as no ELF image is.
  public func signatureMismatches() throws(ApplyError) -> [MachOSignatureMismatch]? {
    guard base.format == .machO else { return nil }
    do {
      let file = try MachOFile(MappedFile(path: name))
      return try file.codeSignature()?.mismatches(in: file.view) { Digest.sha256(of: $0).bytes }
    } catch {
      throw ApplyError(.fileMalformed, target: name, cause: error)
    }
  }
}
