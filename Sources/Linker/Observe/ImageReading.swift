import Addressing
import Foundation
import Journal
import ObjectFile

/// Reads an image that another program may be writing at this moment.
enum ImageReading {
  private static let attempts = 20
  private static let pause = 0.05

  /// What `stat` says of the file, and its contents.
  private struct Look: Equatable {
    var status: [FileAttributeKey: String]
    var digest: Digest
  }

  /// The whole file, once two readings in a row have found the same.
  ///
  /// - Throws: `.imageChanging` where it is not left alone for a second.
  static func settled(at path: String) throws(LinkError) -> (file: MappedFile, digest: Digest) {
    var last: Look?
    for attempt in 0..<attempts {
      if attempt > 0 { Thread.sleep(forTimeInterval: pause) }
      let file: MappedFile
      do throws(ObjectFileError) {
        file = try MappedFile(copying: path)
      } catch {
        throw LinkError(.objectFile, object: path, cause: error)
      }
      let look = Look(status: status(path), digest: Digest.sha256(of: file.view.allBytes))
      if look == last { return (file, look.digest) }
      last = look
    }
    throw LinkError(.imageChanging, object: path)
  }

  private static func status(_ path: String) -> [FileAttributeKey: String] {
    let found = (try? FileManager.default.attributesOfItem(atPath: path)) ?? [:]
    let keys: [FileAttributeKey] = [.size, .modificationDate, .systemFileNumber, .systemNumber]
    return Dictionary(uniqueKeysWithValues: keys.map { ($0, found[$0].map { "\($0)" } ?? "") })
  }

  static func image(_ file: MappedFile) throws(LinkError) -> ObservedImage {
    do {
      // MH_MAGIC_64, as it stands in a little-endian file.
      let isMachO = try file.view.count >= 4 && file.view.load(UInt32.self, at: 0) == 0xfeed_facf
      return isMachO ? try ObservedImage(machO: MachOFile(file)) : try ObservedImage(elf: ELFFile(file))
    } catch let error as LinkError {
      throw error
    } catch {
      throw LinkError(.objectFile, object: file.path, cause: error)
    }
  }

  /// The image as the journal has it at an update.
  static func image(of store: JournalStore, at digest: Digest) throws(LinkError) -> ObservedImage {
    let bytes: [UInt8]
    do {
      let count = try store.fileByteCount(at: digest)
      bytes = try store.fileBytes(FileOffset(0), count: Int(clamping: count), at: digest)
    } catch {
      throw LinkError(.journal, cause: error)
    }
    return try image(MappedFile(bytes: bytes, name: store.base.originalPath))
  }
}
