import Addressing

/// A linked image of which a prepared one can be made, and what of it that takes. What cannot be adopted is refused
/// here, before anything is laid out.
struct MachOAdoptableImage {
  let file: MachOFile
  let linkEdit: MachOSegment
  /// Where the Mach header is mapped.
  let base: VirtualAddress
  /// Where the bytes begin that follow the load commands in the segment that maps them.
  let commandEnd: UInt64

  static let linkEditName = "__LINKEDIT"

  init(_ file: MachOFile) throws(ObjectFileError) {
    guard file.header.type == .executable else {
      throw file.failure(.notAdoptable, detail: "it is not an executable; adopt linked executables only, yet")
    }
    guard file.segment(named: MachOArenaLayout.writableSegmentName) == nil else { throw file.failure(.alreadyPrepared) }
    guard let linkEdit = file.segments.last, linkEdit.name == Self.linkEditName, linkEdit.fileOffset.rawValue > 0,
      let base = file.headerAddress
    else {
      throw file.failure(.notAdoptable, detail: "its last segment is not __LINKEDIT")
    }
    self.file = file
    self.linkEdit = linkEdit
    self.base = base
    commandEnd = Self.firstByteBehindCommands(file)
    try checkLinkEdit()
    try checkCommands()
    let hasOpcodes = try file.loaderInfo() != nil
    guard try hasOpcodes ? true : file.linkEditData(.chainedFixups) != nil else {
      throw file.failure(.notAdoptable, detail: "no loader applies fixups to it; link it dynamically")
    }
  }

  /// From the first mapped byte to the last, without `__PAGEZERO` and `__LINKEDIT`.
  var end: VirtualAddress { file.segments.dropLast().map(\.range.end).max() ?? base }

  private static func firstByteBehindCommands(_ file: MachOFile) -> UInt64 {
    guard let segment = file.segments.first(where: { $0.fileOffset.rawValue == 0 && $0.fileByteCount > 0 }) else {
      return 0
    }
    let first = file.sections[segment.sectionIndexes].map { $0.address.rawValue - segment.address.rawValue }.min()
    return min(first ?? segment.fileByteCount, segment.fileByteCount)
  }

  private func checkLinkEdit() throws(ObjectFileError) {
    let start = linkEdit.fileOffset.rawValue
    guard file.segments.dropLast().allSatisfy({ $0.fileOffset.rawValue + $0.fileByteCount <= start }),
      file.segments.dropLast().allSatisfy({ $0.range.end <= linkEdit.address })
    else {
      throw file.failure(.notAdoptable, detail: "__LINKEDIT stands before other segments")
    }
    guard start + linkEdit.fileByteCount == UInt64(file.view.count) else {
      throw file.failure(.notAdoptable, detail: "there are bytes behind __LINKEDIT")
    }
  }

  /// Commands that say nothing of places in `__LINKEDIT`, or whose places are mended (`MachOLinkEditDraft`).
  private static let handled: Set<MachOLoadCommandKind> = MachOLoadCommandKind.linkEditData.union([
    .segment, .symbolTable, .dynamicSymbolTable, .unixThread, .loadLibrary, .loadDynamicLinker, .loadWeakLibrary, .uuid,
    .runPath, .reexportLibrary, .lazyLoadLibrary, .encryptionInfo, .encryptionInfo32, .loaderInfo, .loaderInfoOnly,
    .loadUpwardLibrary, .minimumMacOS, .minimumIOS, .main, .sourceVersion, .minimumTVOS, .minimumWatchOS, .buildVersion,
  ])

  private func checkCommands() throws(ObjectFileError) {
    for command in file.loadCommands where !Self.handled.contains(command.kind) {
      throw file.failure(
        .notAdoptable, at: command.fileOffset, detail: "\(command.kind) may lead into __LINKEDIT, which moves")
    }
    // tocoff, modtaboff, extrefsymoff of LC_DYSYMTAB: tables that linkers no longer make.
    if let command = file.loadCommands.first(.dynamicSymbolTable) {
      for count in [36, 44, 52] where try command.view.load(UInt32.self, at: count) != 0 {
        throw file.failure(.notAdoptable, at: command.fileOffset, detail: "it has tables of modules")
      }
    }
  }

  /// The room behind the load commands, in bytes.
  func checkRoom(for byteCount: Int) throws(ObjectFileError) {
    let used = UInt64(MachOHeader.byteCount + file.header.commandByteCount)
    let room = commandEnd >= used ? commandEnd - used : 0
    guard UInt64(byteCount) <= room else {
      throw file.failure(
        .noRoomForCommands,
        detail: "\(byteCount) bytes of load commands are added, and there are \(room) before its first section")
    }
    // Something that no section names may stand there.
    let rest = try file.view.slice(used, UInt64(byteCount))
    guard rest.withUnsafeBytes({ $0.allSatisfy { $0 == 0 } }) else {
      throw file.failure(.noRoomForCommands, at: rest.fileOffset, detail: "the bytes behind the load commands are used")
    }
  }
}
