#if canImport(Darwin)
  import Darwin

  /// What Darwin has otherwise than other systems.
  enum FileSystemCalls {
    /// sys/unistd.h; Linux has these two numbers the other way round.
    static let seekData: Int32 = 4
    static let seekHole: Int32 = 3
    /// What is said where a file has no such attribute.
    static let noAttribute = ENOATTR

    /// fsync(2) of Darwin leaves the bytes in the drive's cache; a file system without F_FULLFSYNC has nothing better.
    /// What fcopyfile(3) and clonefile(2) do is for whole files: never done.
    static func copyRange(
      _ source: Int32, _ sourceOffset: off_t, _ target: Int32, _ targetOffset: off_t, _ byteCount: Int
    ) -> Int { 0 }

    static func synchronize(_ file: Int32) -> Int32 {
      fcntl(file, F_FULLFSYNC) == 0 ? 0 : fsync(file)
    }

    static func modificationTime(_ status: stat) -> timespec { status.st_mtimespec }

    static func listAttributes(_ file: Int32, _ list: UnsafeMutablePointer<CChar>?, _ byteCount: Int) -> Int {
      flistxattr(file, list, byteCount, 0)
    }

    static func getAttribute(
      _ file: Int32, _ name: String, _ value: UnsafeMutablePointer<CChar>?, _ byteCount: Int
    ) -> Int {
      fgetxattr(file, name, value, byteCount, 0, 0)
    }

    static func setAttribute(_ file: Int32, _ name: String, _ value: UnsafeRawBufferPointer) -> Int32 {
      fsetxattr(file, name, value.baseAddress, value.count, 0, 0)
    }
  }
#endif
