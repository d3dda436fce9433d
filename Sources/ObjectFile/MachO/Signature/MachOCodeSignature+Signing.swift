public import Addressing

extension MachOCodeSignature {
  /// The edits by which an ad-hoc signature holds again after others.
  ///
  /// - Parameters:
  ///   - edits: what changes in the image, in order; nothing of the signature.
  ///   - byteCount: the image's length.
  ///   - read: bytes of the image before the edits.
  /// - Returns: the hashes of the pages that change, each with what stood there before.
  /// - Throws: `signedByIdentity`; `unsupportedSignature` where an edit changes the signature itself.
  public func edits(
    signing edits: [FileEdit], byteCount: UInt64, sha256: Hash, read: @escaping (FileOffset, Int) throws -> [UInt8]
  ) throws(ObjectFileError) -> [FileEdit] {
    var buffer = PatchBuffer(byteCount: byteCount, fileName: bytes.fileName, read: read)
    for edit in edits { try buffer.write(edit.after, at: edit.offset) }
    _ = buffer.takeEdits()
    try sign(
      edits.map { $0.offset.rawValue..<$0.offset.rawValue + UInt64($0.after.count) }, in: &buffer, sha256: sha256)
    return buffer.takeEdits()
  }

  /// Writes the hashes of all pages that hold any of `ranges`, of which the buffer has the new bytes.
  func sign(
    _ ranges: [Range<UInt64>], in buffer: inout PatchBuffer, sha256: Hash
  ) throws(ObjectFileError) {
    try requireAdHoc()
    let signature = bytes.fileOffset.rawValue..<bytes.fileOffset.rawValue + UInt64(bytes.count)
    if let range = ranges.first(where: { $0.overlaps(signature) }) {
      throw bytes.signatureFailure(
        .unsupportedSignature, "an edit at 0x\(String(range.lowerBound, radix: 16)) changes the signature itself")
    }
    for directory in directories {
      for page in Set(ranges.flatMap { directory.pages(holding: $0) }).sorted() {
        let range = directory.range(ofPage: page)
        let content = try buffer.bytes(at: FileOffset(range.lowerBound), count: range.count)
        try buffer.write(sha256(content), at: directory.fileOffset(ofHash: page))
      }
    }
  }

  /// An ad-hoc signature like this one for an image of another length: identifier, flags, requirements and
  /// entitlements are kept, all pages hashed.
  ///
  /// - Parameters:
  ///   - codeLimit: where the new signature is to stand in the file, which is how many bytes it covers.
  ///   - executableSegment: `__TEXT`, as range of the file; nil where it is as it was.
  ///   - read: bytes of the image, below `codeLimit`.
  /// - Throws: `signedByIdentity`; `unsupportedSignature` where its parts stand in an order that nobody writes.
  public func resigned(
    codeLimit: UInt64, executableSegment: Range<UInt64>? = nil, sha256: Hash,
    read: (FileOffset, Int) throws(ObjectFileError) -> [UInt8]
  ) throws(ObjectFileError) -> [UInt8] {
    try requireAdHoc()
    let layout = try MachOSignatureLayout(self, codeLimit: codeLimit)
    var result = layout.header
    for (blob, offset) in layout.blobs {
      result.append(zeros: offset - result.count)
      guard let directory = directories.first(where: { $0.slot == blob.slot }) else {
        result.append(blob.bytes.allBytes)
        continue
      }
      result.append(try directory.fields(codeLimit: codeLimit, executableSegment: executableSegment))
      var start: UInt64 = 0
      while start < codeLimit {
        let count = min(directory.pageByteCount ?? codeLimit, codeLimit - start)
        result.append(sha256(try read(FileOffset(start), Int(clamping: count))))
        start += count
      }
    }
    result.append(zeros: layout.byteCount - result.count)
    return result.bytes
  }

  /// How long `resigned` is, before there is anything to sign.
  public func byteCount(codeLimit: UInt64) throws(ObjectFileError) -> Int {
    try MachOSignatureLayout(self, codeLimit: codeLimit).byteCount
  }
}

/// Where the parts of a signature stand when its code directories are of another length.
private struct MachOSignatureLayout {
  /// The super blob's fields and index.
  var header = TableBytes()
  /// In the order of the file.
  var blobs: [(blob: MachOSignatureBlob, offset: Int)] = []
  var byteCount = 0

  init(_ signature: MachOCodeSignature, codeLimit: UInt64) throws(ObjectFileError) {
    var end = 0
    var oldEnd = 0
    for blob in signature.blobs.sorted(by: { $0.offset < $1.offset }) {
      // Linkers differ in how they align the parts; each keeps its distance from the one before.
      guard blob.offset >= oldEnd else {
        throw blob.bytes.signatureFailure(.unsupportedSignature, "its parts share bytes")
      }
      let offset = end + blob.offset - oldEnd
      blobs.append((blob, offset))
      let directory = signature.directories.first { $0.slot == blob.slot }
      end = offset + (try directory?.byteCount(codeLimit: codeLimit) ?? blob.bytes.count)
      oldEnd = blob.offset + blob.bytes.count
    }
    byteCount = end + signature.bytes.count - oldEnd
    for field in [Int(MachOSignatureBlob.superBlobMagic), byteCount, signature.blobs.count] {
      header.append(UInt32(clamping: field).byteSwapped)
    }
    let offsets = Dictionary(uniqueKeysWithValues: blobs.map { ($0.blob.slot, $0.offset) })
    for blob in signature.blobs {
      header.append(blob.slot.rawValue.byteSwapped)
      header.append(UInt32(clamping: offsets[blob.slot] ?? 0).byteSwapped)
    }
  }
}

extension MachOCodeDirectory {
  private func pageCount(codeLimit: UInt64) -> Int {
    guard let size = pageByteCount else { return codeLimit == 0 ? 0 : 1 }
    return Int(clamping: codeLimit / size + (codeLimit.isMultiple(of: size) ? 0 : 1))
  }

  fileprivate func byteCount(codeLimit: UInt64) throws(ObjectFileError) -> Int {
    guard UInt32(exactly: codeLimit) != nil else {
      throw bytes.signatureFailure(.unsupportedSignature, "an image of more than 4 GiB")
    }
    guard hashesOffset + pageCount * Self.hashByteCount == bytes.count else {
      throw bytes.signatureFailure(.unsupportedSignature, "a code directory that does not end with its hashes")
    }
    return hashesOffset + pageCount(codeLimit: codeLimit) * Self.hashByteCount
  }

  /// All before the hashes of pages: the fields changed that say how much there is, the rest kept.
  fileprivate func fields(
    codeLimit: UInt64, executableSegment: Range<UInt64>?
  ) throws(ObjectFileError) -> [UInt8] {
    var fields = TableBytes(try bytes.bytes(at: 0, count: hashesOffset))
    fields.store(UInt32(clamping: try byteCount(codeLimit: codeLimit)).byteSwapped, at: 4)
    fields.store(UInt32(clamping: pageCount(codeLimit: codeLimit)).byteSwapped, at: 28)
    fields.store(UInt32(clamping: codeLimit).byteSwapped, at: 32)
    // `codeLimit64` counts where it is not 0.
    if version >= 0x20300 { fields.store(UInt64(0), at: 56) }
    if version >= 0x20400, let segment = executableSegment {
      fields.store(segment.lowerBound.byteSwapped, at: 64)
      fields.store((segment.upperBound - segment.lowerBound).byteSwapped, at: 72)
    }
    return fields.bytes
  }
}
