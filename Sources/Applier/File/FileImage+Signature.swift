import Journal
public import ObjectFile

extension FileImage {
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
