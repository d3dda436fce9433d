import Foundation
import ObjectFile
import Testing

/// A compiler with the options that decide how it writes debug information.
struct DWARFCompiler: Sendable, CustomTestStringConvertible {
  var program: String
  var options: [String]

  var testDescription: String { ([program] + options).joined(separator: " ") }

  /// Both compilers, both versions of DWARF, with and without optimization.
  static var all: [DWARFCompiler] {
    var result: [DWARFCompiler] = []
    for program in ["gcc", "clang"] where Tool.isInstalled(program) {
      for version in ["-gdwarf-4", "-gdwarf-5"] {
        for level in ["-O0", "-O2"] { result.append(DWARFCompiler(program: program, options: [version, level])) }
      }
    }
    return result
  }

  /// What only one of them writes: type units, version 3, no section for each function.
  static var unusual: [DWARFCompiler] {
    [
      DWARFCompiler(program: "gcc", options: ["-gdwarf-4", "-fdebug-types-section"]),
      DWARFCompiler(program: "gcc", options: ["-gdwarf-5", "-fdebug-types-section", "-O2"]),
      DWARFCompiler(program: "clang", options: ["-gdwarf-5", "-fdebug-types-section"]),
      DWARFCompiler(program: "clang", options: ["-gdwarf-4", "-fdebug-types-section", "-fdata-sections"]),
      DWARFCompiler(program: "gcc", options: ["-gdwarf-3", "-gstrict-dwarf"]),
      DWARFCompiler(program: "clang", options: ["-gdwarf-3"]),
      DWARFCompiler(program: "clang", options: ["-gdwarf-5", "-ggdb", "-O1"]),
      DWARFCompiler(program: "gcc", options: ["-gdwarf-5", "-O3", "-fno-inline"]),
      DWARFCompiler(program: "clang", options: ["-target", "aarch64-linux-gnu", "-g"]),
    ].filter { Tool.isInstalled($0.program) }
  }

  static var one: DWARFCompiler { DWARFCompiler(program: "gcc", options: ["-gdwarf-5"]) }

  /// Compiles a source and gives the object's bytes.
  func object(_ source: String, as name: String = "source.c", _ more: [String] = []) throws -> ELFFile {
    let folder = try TemporaryFolder()
    _ = try folder.write(source, to: name)
    try Tool.run(program, options + more + ["-ffunction-sections", "-c", name, "-o", "object.o"], in: folder.path)
    return try ELFFile(MappedFile(copying: folder.path + "/object.o"))
  }

  func facts(_ source: String, as name: String = "source.c", _ more: [String] = []) throws -> DWARFFacts {
    guard let facts = try DWARFFacts(object(source, as: name, more)) else {
      throw Tool.Failure(description: "the object has no debug information")
    }
    return facts
  }

  /// Compiles sources, links them into a library, and gives that and the objects.
  func library(_ sources: [String], _ more: [String] = []) throws -> (image: ELFFile, objects: [ELFFile]) {
    let folder = try TemporaryFolder()
    var names: [String] = []
    for (index, source) in sources.enumerated() {
      let name = "source\(index)"
      _ = try folder.write(source, to: name + ".c")
      try Tool.run(
        program, options + ["-fPIC", "-ffunction-sections", "-fdata-sections", "-c", name + ".c", "-o", name + ".o"],
        in: folder.path)
      names.append(name + ".o")
    }
    try Tool.run(program, ["-shared", "-nostdlib", "-o", "library.so"] + more + names, in: folder.path)
    return (
      try ELFFile(MappedFile(copying: folder.path + "/library.so")),
      try names.map { try ELFFile(MappedFile(copying: folder.path + "/" + $0)) }
    )
  }
}

extension DWARFFacts {
  func layout(_ name: String) -> String? { types.first { $0.name == name }?.layout }
  func function(_ name: String) -> DWARFFunction? { functions.first { $0.name == name } }
  func variable(_ name: String, in function: String? = nil) -> DWARFVariable? {
    variables.first { $0.name == name && $0.enclosingFunction == function }
  }
}
