#if os(Linux)
  import Glibc

  /// What Linux has otherwise than other systems.
  enum FileSystemCalls {
    /// SEEK_DATA and SEEK_HOLE of linux/fs.h, which the C library shows to _GNU_SOURCE only.
    static let seekData: Int32 = 3
    static let seekHole: Int32 = 4
    /// What is said where a file has no such attribute.
    static let noAttribute = ENODATA

    /// copy_file_range(2). Not more than 0 where it cannot: between file systems, or where one of them does not know how.
    static func copyRange(
      _ source: Int32, _ sourceOffset: off_t, _ target: Int32, _ targetOffset: off_t, _ byteCount: Int
    ) -> Int {
      var (sourceOffset, targetOffset) = (sourceOffset, targetOffset)
      return copyFileRange(source, &sourceOffset, target, &targetOffset, byteCount, 0)
    }

    static func synchronize(_ file: Int32) -> Int32 { fsync(file) }

    static func modificationTime(_ status: stat) -> timespec { status.st_mtim }

    static func listAttributes(_ file: Int32, _ list: UnsafeMutablePointer<CChar>?, _ byteCount: Int) -> Int {
      flistxattr(file, list, byteCount)
    }

    static func getAttribute(
      _ file: Int32, _ name: String, _ value: UnsafeMutablePointer<CChar>?, _ byteCount: Int
    ) -> Int {
      fgetxattr(file, name, value, byteCount)
    }

    static func setAttribute(_ file: Int32, _ name: String, _ value: UnsafeRawBufferPointer) -> Int32 {
      fsetxattr(file, name, value.baseAddress, value.count, 0)
    }
  }

  // The C library has these in <sys/xattr.h> and, for _GNU_SOURCE, <unistd.h>, which its Swift module leaves out. Plain integers and pointers are passed
  // alike in both calling conventions.
  @_silgen_name("copy_file_range")
  private func copyFileRange(
    _ source: Int32, _ sourceOffset: UnsafeMutablePointer<off_t>, _ target: Int32,
    _ targetOffset: UnsafeMutablePointer<off_t>, _ byteCount: Int, _ flags: UInt32
  ) -> Int
  @_silgen_name("flistxattr")
  private func flistxattr(_ file: Int32, _ list: UnsafeMutablePointer<CChar>?, _ byteCount: Int) -> Int
  @_silgen_name("fgetxattr")
  private func fgetxattr(
    _ file: Int32, _ name: UnsafePointer<CChar>, _ value: UnsafeMutableRawPointer?, _ byteCount: Int
  ) -> Int
  @_silgen_name("fsetxattr")
  private func fsetxattr(
    _ file: Int32, _ name: UnsafePointer<CChar>, _ value: UnsafeRawPointer?, _ byteCount: Int, _ flags: Int32
  ) -> Int32
#endif
