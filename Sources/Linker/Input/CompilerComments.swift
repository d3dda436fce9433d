import ObjectFile

/// What compilers leave of their names in `.comment`.
enum CompilerComments {
  /// One string for each compiler; none where the section is missing.
  static func strings(in file: ELFFile) throws(ObjectFileError) -> [String] {
    guard let section = file.section(named: ".comment") else { return [] }
    let view = try file.contents(of: section)
    return try view.bytes(at: 0, count: view.count).split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
  }
}
