import Journal
import ObjectFile

/// An object file of either format.
enum ObjectInput {
  case elf(ELFFile)
  case machO(MachOFile)

  init(path: String) throws(LinkError) {
    let mapped: MappedFile
    do {
      mapped = try MappedFile(path: path)
    } catch {
      throw LinkError(.unreadableObject, object: path, cause: error)
    }
    do {
      self = mapped.isMachO ? .machO(try MachOFile(mapped)) : .elf(try ELFFile(mapped))
    } catch {
      if IntermediateCode.isBitcode(mapped) { throw LinkError(.linkTimeCode, object: path) }
      throw LinkError(.unreadableObject, object: path, cause: error)
    }
  }

  var isRelocatable: Bool {
    switch self {
    case .elf(let file): file.header.type == .relocatable
    case .machO(let file): file.header.type == .object
    }
  }

  private var format: BaseImage.Format {
    switch self {
    case .elf: .elf
    case .machO: .machO
    }
  }

  /// - Throws: for an object of another format than the image's.
  func check(format wanted: BaseImage.Format, path: String) throws(LinkError) {
    guard format != wanted else { return }
    throw LinkError(
      .wrongArchitecture, object: path, detail: "the object is \(format.name), the image \(wanted.name)")
  }

  func types(path: String) throws(LinkError) -> ObjectTypes {
    do throws(ObjectFileError) {
      return switch self {
      case .elf(let file): ObjectTypes(try DWARFFacts(file))
      case .machO(let file): ObjectTypes(try DWARFFacts(file))
      }
    } catch {
      throw LinkError(.unreadableObject, object: path, cause: error)
    }
  }

  /// - Parameter unit: what an object that does not name its compilation unit belongs to.
  func graph(
    path: String, machine: any Machine, producers: [String], unit: (String) throws(LinkError) -> String
  ) throws(LinkError) -> ObjectGraph {
    switch self {
    case .elf(let file): return try ObjectGraph(file, path: path, machine: machine, producers: producers)
    case .machO(let file):
      let name = try unit(MachOUnits.name(ofObjectAt: path))
      return try ObjectGraph(file, path: path, machine: machine, unit: name)
    }
  }
}

extension MappedFile {
  /// Whether it begins as a Mach-O file does: MH_MAGIC_64 in a little-endian file, or one of the others, which
  /// `MachOFile` refuses by name (FAT_MAGIC, FAT_MAGIC_64, MH_MAGIC; mach-o/loader.h and fat.h).
  var isMachO: Bool {
    guard let magic = try? view.load(UInt32.self, at: 0) else { return false }
    return [0xfeed_facf, 0xfeed_face, 0xbeba_feca, 0xbfba_feca, 0xcffa_edfe].contains(magic)
  }
}

extension BaseImage.Format {
  /// For messages.
  var name: String {
    switch self {
    case .elf: "ELF"
    case .machO: "Mach-O"
    }
  }
}
