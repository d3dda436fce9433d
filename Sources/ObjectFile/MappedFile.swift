#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The bytes of a file, unchanging for as long as anything refers to them.
///
/// `init(path:)` maps the file, so that nothing is copied. A mapping shows later writes to the file, and a page that
/// is truncated away faults: a file that a compiler may rewrite in place is read with `init(copying:)`.
///
/// Unchecked: the memory is written only before `init` returns and given back only in `deinit`.
public final class MappedFile: @unchecked Sendable {
  public let path: String
  let base: UnsafeRawPointer
  let byteCount: Int
  private let isMapping: Bool

  /// By its magic number: whose tools an error names.
  var format: ObjectFileError.Format {
    let bytes = UnsafeRawBufferPointer(start: base, count: byteCount)
    return bytes.starts(with: [0xCF, 0xFA, 0xED, 0xFE]) ? .machO : .elf
  }

  /// The whole file.
  public var view: ByteView { ByteView(owner: self, start: base, count: byteCount) }

  public init(path: String) throws(ObjectFileError) {
    let (descriptor, size) = try openRegularFile(path)
    defer { close(descriptor) }
    self.path = path
    guard size > 0 else {
      // mmap(2) refuses an empty range.
      (base, byteCount, isMapping) = (copied([]), 0, false)
      return
    }
    guard let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), memory != MAP_FAILED else {
      throw ObjectFileError(.unreadable, file: path, cause: SystemCallFailure(call: "mmap", number: errno))
    }
    (base, byteCount, isMapping) = (UnsafeRawPointer(memory), size, true)
  }

  /// A copy of the file as it is now, which later writes and truncations do not reach.
  public init(copying path: String) throws(ObjectFileError) {
    let (descriptor, size) = try openRegularFile(path)
    defer { close(descriptor) }
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(size, 1), alignment: 16)
    var filled = 0
    while filled < size {
      let count = read(descriptor, memory + filled, size - filled)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else {
        let failure = SystemCallFailure(call: "read", number: errno)
        memory.deallocate()
        throw ObjectFileError(.unreadable, file: path, cause: failure)
      }
      if count == 0 { break }
      filled += count
    }
    self.path = path
    (base, byteCount, isMapping) = (UnsafeRawPointer(memory), filled, false)
  }

  /// Bytes that come from elsewhere (a task's memory, a test), under a name for messages.
  public init(bytes: [UInt8], name: String) {
    path = name
    (base, byteCount, isMapping) = (copied(bytes), bytes.count, false)
  }

  deinit {
    if isMapping {
      munmap(UnsafeMutableRawPointer(mutating: base), byteCount)
    } else {
      base.deallocate()
    }
  }
}

private func openRegularFile(_ path: String) throws(ObjectFileError) -> (descriptor: Int32, size: Int) {
  func failure(_ call: String) -> ObjectFileError {
    ObjectFileError(.unreadable, file: path, cause: SystemCallFailure(call: call, number: errno))
  }
  // O_NONBLOCK: opening a named pipe would wait for a writer otherwise.
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else { throw failure("open") }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else {
    let error = failure("fstat")
    close(descriptor)
    throw error
  }
  guard status.st_mode & S_IFMT == S_IFREG, let size = Int(exactly: status.st_size), size >= 0 else {
    close(descriptor)
    throw ObjectFileError(.notARegularFile, file: path)
  }
  return (descriptor, size)
}

private func copied(_ bytes: [UInt8]) -> UnsafeRawPointer {
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 16)
  memory.copyBytes(from: bytes)
  return UnsafeRawPointer(memory.baseAddress.unsafelyUnwrapped)
}

extension SystemCallFailure: CustomStringConvertible {
  public var description: String {
    guard let text = strerror(number) else { return "\(call): errno \(number)" }
    return "\(call): \(String(cString: text))"
  }
}
