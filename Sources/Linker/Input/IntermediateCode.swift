import ObjectFile

/// Tells objects that hold a compiler's intermediate code (-flto) from those that hold machine code.
enum IntermediateCode {
  /// LLVM bitcode, bare (`BC` C0 DE) or in its wrapper (LLVM Bitcode File Format).
  static func isBitcode(_ file: MappedFile) -> Bool {
    guard let start = try? file.view.bytes(at: 0, count: 4) else { return false }
    return start == [0x42, 0x43, 0xc0, 0xde] || start == [0xde, 0xc0, 0x17, 0x0b]
  }

  /// Of GCC's the slim kind alone: a fat object has machine code as well.
  static func isSlim(_ file: ELFFile) throws(ObjectFileError) -> Bool {
    guard file.sections.contains(where: { file.name(of: $0).hasPrefix(".gnu.lto_") }) else { return false }
    return !file.sections.contains { $0.flags.contains(.executable) && $0.byteCount > 0 }
  }
}
