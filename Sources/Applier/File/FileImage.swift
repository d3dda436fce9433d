public import Addressing
public import Journal
import ObjectFile

/// An image as a file: updates go into a copy beside it, which is synced and takes its place by one rename.
///
/// A reader sees the old image or the new one, never a mix, and a process that runs the old one goes on with it. The
/// copy has the original's mode, owner, extended attributes (access control lists and capabilities are such) and holes; its times
/// are its own: who copies or rebuilds by times must see that the bytes are others. Symbolic links are followed; a file with other
/// names, which would keep the old image, is refused. Two appliers exclude each other by flock(2) on the original.
public final class FileImage: UpdateTarget {
  public let name: String
  let base: BaseImage
  let calls: any FileCalls
  private var original: FileHandleNumber
  private var originalStatus: FileStatus
  private var copy: FileHandleNumber?
  /// Whether other hard links may be left with the old image.
  let breaksLinks: Bool
  /// Where the plan leads that the copy was made for.
  var destination: TargetHeader.Position
  /// Nil for a prepared image, whose header says where it stands.
  let observed: ObservedFiles?
  private let lengths: FileLengths

  /// - Parameter path: the prepared image that `init` wrote, at any update.
  ///   Of an observed image, a copy of its file at any update.
  /// - Parameter lengths: of a prepared image, whose arena may have grown.
  /// - Parameter breaksLinks: whether other hard links of the file may be left with the old image.
  public convenience init(
    path: String, base: BaseImage, observed: ObservedFiles? = nil, lengths: FileLengths = .unknown,
    breaksLinks: Bool = false
  ) throws(ApplyError) {
    try self.init(
      path: path, base: base, calls: SystemFileCalls(), observed: observed, lengths: lengths, breaksLinks: breaksLinks)
  }

  init(
    path: String, base: BaseImage, calls: any FileCalls, observed: ObservedFiles? = nil,
    lengths: FileLengths = .unknown, breaksLinks: Bool = false
  ) throws(ApplyError) {
    self.base = base
    self.lengths = lengths
    self.breaksLinks = breaksLinks
    self.observed = observed
    destination = base.position
    self.calls = calls
    do throws(FileCallError) {
      name = try calls.resolve(path)
      original = try calls.open(name)
      do throws(FileCallError) {
        originalStatus = try calls.status(original)
      } catch {
        calls.close(original)
        throw error
      }
    } catch { throw ApplyError(error, target: path) }
  }

  deinit {
    cancel()
    calls.close(original)
  }

  public var nature: TargetNature { .file }
  public var keepsOriginalUntilFinish: Bool { true }

  /// The file that becomes the image; one name per image, so that what a killed applier left is found and replaced.
  private var copyPath: String {
    let nameStart = name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex
    return name[..<nameStart] + "." + name[nameStart...] + ".hcsj-new"
  }

  // MARK: - Questions

  /// Of an observed image, whose build-id may change with each update, the file's bytes say whether it is one of the
  /// journal's.
  public func identity() throws(ApplyError) -> [UInt8] {
    if !base.isPrepared {
      let digest = try digest()
      return try position(of: digest) == nil ? digest.bytes : base.identity
    }
    do {
      let file = try MappedFile(path: name)
      return switch base.format {
      case .elf: try ELFFile(file).buildID ?? []
      case .machO: try MachOFile(file).uuid ?? []
      }
    } catch {
      throw ApplyError(.fileMalformed, target: name, cause: error)
    }
  }

  public func header() throws(ApplyError) -> TargetHeader? {
    if !base.isPrepared {
      let digest = try digest()
      guard let position = try position(of: digest) else {
        throw ApplyError(.positionUnknown, target: name, found: digest.bytes)
      }
      return TargetHeader(base: base.digest, position: position)
    }
    let bytes = try read(at: try headerOffset(), count: TargetHeader.byteCount)
    guard bytes.count == TargetHeader.byteCount else {
      throw ApplyError(
        .fileMalformed, target: name, detail: "it has no arena: this is the image as it was linked")
    }
    // No update makes a prepared image shorter.
    try checkNotCut(to: base.preparedByteCount)
    let header: TargetHeader?
    do {
      header = try TargetHeader.decode(bytes)
    } catch {
      throw ApplyError(.fileMalformed, target: name, detail: "no header of hcs-journal where it belongs", cause: error)
    }
    if let position = header?.position { try checkNotCut(to: try byteCount(at: position)) }
    return header
  }

  /// At least that many.
  private func byteCount(at position: TargetHeader.Position) throws(ApplyError) -> UInt64 {
    do {
      return try lengths.byteCount(position.digest) ?? 0
    } catch {
      throw ApplyError(.positionUnknown, target: name, update: position.number, cause: error)
    }
  }

  /// What is missing at the end would come back as zeroes: nobody could tell whether updates had put something there, and where nothing
  /// stood, no comparison of bytes would find that a process started from it has no memory there.
  private func checkNotCut(to byteCount: UInt64) throws(ApplyError) {
    guard originalStatus.byteCount < byteCount else { return }
    throw ApplyError(
      .fileMalformed, target: name, detail: "it is cut short: \(originalStatus.byteCount) bytes of \(byteCount)")
  }

  /// Bytes past the end of the file are zeroes, as they will be once the file has grown.
  public func read(_ place: TargetPlace, count: Int) throws(ApplyError) -> [UInt8] {
    let bytes = try read(at: try offset(of: place), count: count)
    return bytes.count == count ? bytes : bytes + [UInt8](repeating: 0, count: count - bytes.count)
  }

  public func word(pointingAt address: VirtualAddress) -> UInt64 { address.rawValue }

  public func word(of symbol: ImportedSymbol) throws(ApplyError) -> UInt64 {
    throw ApplyError(.importNotFound, target: name, symbol: symbol.name, detail: "a file has nothing loaded")
  }

  public func protections(of ranges: [AddressRange]) -> [PageProtection?] { ranges.map { _ in nil } }

  private func headerOffset() throws(ApplyError) -> UInt64 {
    guard let offset = base.fileOffset(of: base.arena.header.start) else {
      throw ApplyError(.fileMalformed, target: name, detail: "the journal's arena has no header page in the file")
    }
    return offset.rawValue
  }

  private func offset(of place: TargetPlace) throws(ApplyError) -> UInt64 {
    guard case .file(let offset) = place else { throw ApplyError(.addressNotInImage, target: name) }
    return offset.rawValue
  }

  func read(at offset: UInt64, count: Int) throws(ApplyError) -> [UInt8] {
    try called { () throws(FileCallError) in try calls.read(copy ?? original, at: offset, count: count) }
  }

  // MARK: - Changes

  /// A file with several names cannot be replaced under all of them by one rename.
  public func checkMayChange() throws(ApplyError) {
    guard originalStatus.linkCount > 1, !breaksLinks else { return }
    throw ApplyError(.fileHasOtherLinks, target: name, detail: "it has \(originalStatus.linkCount) names")
  }

  public func prepare(for plan: ApplyPlan) throws(ApplyError) -> UInt64 {
    destination = plan.to
    guard try called({ () throws(FileCallError) in try calls.lock(original) }) else {
      throw ApplyError(.fileInUse, target: name)
    }
    try checkUnchanged()
    if let resize = plan.resize, resize.before != originalStatus.byteCount {
      throw ApplyError(
        .contentMismatch, target: name,
        detail: "it has \(originalStatus.byteCount) bytes, the journal expects \(resize.before)")
    }
    try called { () throws(FileCallError) in try makeCopy() }
    return 0
  }

  private func makeCopy() throws(FileCallError) {
    // What a killed applier left: the lock on the original says that nobody works on it.
    try? calls.remove(copyPath)
    let copy = try calls.create(copyPath)
    self.copy = copy
    try calls.truncate(copy, to: originalStatus.byteCount)
    var next: UInt64 = 0
    while next < originalStatus.byteCount, let data = try calls.data(in: original, from: next) {
      try calls.copy(data, from: original, to: copy)
      next = data.upperBound
    }
    let status = try calls.status(copy)
    if status.owner != originalStatus.owner || status.group != originalStatus.group {
      try calls.setOwner(copy, originalStatus.owner, group: originalStatus.group)
    }
  }

  /// After the last write: each takes capabilities (security.capability) and, of users who are not root, set-id bits away from the
  /// file (Linux, file_remove_privs; write(2)), as a change of owner does (chown(2)).
  private func copyRights() throws(FileCallError) {
    let copy = try openCopy()
    try calls.copyAttributes(from: original, to: copy)
    try calls.setMode(copy, originalStatus.mode)
  }

  public func write(_ bytes: [UInt8], at place: TargetPlace) throws(ApplyError) {
    let offset = try offset(of: place)
    try called { () throws(FileCallError) in try calls.write(bytes, to: try openCopy(), at: offset) }
  }

  /// A file's pointers are bytes like any others.
  public func store(_ word: UInt64, at cell: VirtualAddress) throws(ApplyError) {
    guard let offset = base.fileOffset(of: cell) else { throw ApplyError(.addressNotInImage, address: cell) }
    try write(word.littleEndianBytes, at: .file(offset))
  }

  /// An observed image's bytes are its compiler's alone: where it stands is told by all of them.
  public func write(header: TargetHeader) throws(ApplyError) {
    guard base.isPrepared else { return }
    let offset = FileOffset(try headerOffset())
    let bytes = header.encoded()
    try write(bytes, at: .file(offset))
    for edit in try headerHashes(bytes, at: offset) { try write(edit.after, at: .file(edit.offset)) }
  }

  public func resize(to byteCount: UInt64) throws(ApplyError) {
    let present = try called { () throws(FileCallError) in try calls.status(try openCopy()).byteCount }
    if byteCount < present { try checkZeroes(from: byteCount, to: present) }
    try called { () throws(FileCallError) in try calls.truncate(try openCopy(), to: byteCount) }
  }

  /// What is cut off must be taken back by the operations: only zeroes can be grown again.
  private func checkZeroes(from start: UInt64, to end: UInt64) throws(ApplyError) {
    var next = start
    while next < end {
      let bytes = try read(at: next, count: Int(min(end - next, 1 << 20)))
      if bytes.isEmpty { return }
      if let index = bytes.firstIndex(where: { $0 != 0 }) {
        throw ApplyError(
          .contentMismatch, fileOffset: FileOffset(next + UInt64(index)), expected: [0], found: [bytes[index]])
      }
      next += UInt64(bytes.count)
    }
  }

  // MARK: - The end

  public func finish() throws(ApplyError) {
    if !base.isPrepared { try checkResult() }
    try called { () throws(FileCallError) in
      try copyRights()
      try calls.sync(try openCopy())
    }
    try checkUnchanged()
    try called { () throws(FileCallError) in try calls.rename(copyPath, to: name) }
    do throws(FileCallError) {
      try adoptCopy()
      try calls.syncFolder(of: name)
    } catch {
      throw ApplyError(
        error, target: name, outcome: .torn(at: destination.number),
        detail: "the new image stands, but its folder could not be synced")
    }
  }

  /// From now on the image is the file that was the copy.
  private func adoptCopy() throws(FileCallError) {
    guard let copy else { return }
    self.copy = nil
    calls.close(original)
    original = copy
    originalStatus = try calls.status(copy)
  }

  public func cancel() {
    if let copy {
      calls.close(copy)
      self.copy = nil
      // A copy that stays behind is replaced by the next apply.
      try? calls.remove(copyPath)
    }
    calls.unlock(original)
  }

  private func openCopy() throws(FileCallError) -> FileHandleNumber {
    // EBADF, in the words of the system: a write before `prepare`.
    guard let copy else { throw FileCallError(call: "write", errno: 9) }
    return copy
  }

  /// The name must still stand for the file that was compared: a linker may have written another one.
  private func checkUnchanged() throws(ApplyError) {
    let now = try called { () throws(FileCallError) in try calls.status(of: name) }
    guard now == originalStatus else { throw ApplyError(.fileChangedMeanwhile, target: name) }
  }

  private func called<Result>(_ call: () throws(FileCallError) -> Result) throws(ApplyError) -> Result {
    do throws(FileCallError) {
      return try call()
    } catch { throw ApplyError(error, target: name) }
  }
}

extension FileImage {
  public func stop() {}

  public func resume() {}

  public func occupants(of guards: [PlannedGuard]) -> [GuardOccupant] { [] }

  public var lastPauseNanoseconds: UInt64? { nil }
}

extension ApplyError {
  fileprivate init(_ error: FileCallError, target: String, outcome: Outcome = .untouched, detail: String? = nil) {
    self.init(
      .fileCallFailed, outcome: outcome, target: target, call: error.call, errno: error.errno, detail: detail)
  }
}
