import Addressing

/// The work of preparing an image, in the order in which each step needs the ones before:
///
/// 1. the arena's parts: in the file where `__LINKEDIT` began, in memory `gap` bytes behind the image;
/// 2. the fixups with room to grow, for segments of which there are more now;
/// 3. `__LINKEDIT` behind the arena, piece by piece;
/// 4. header and load commands, now that all places are known.
struct MachOPreparation {
  let image: MachOAdoptableImage
  let request: MachOArenaRequest
  private var commands: MachOCommandDraft
  private var linkEdit: MachOLinkEditDraft
  private let unwind: MachOUnwindDraft?

  static let addedSegmentCount = 3
  /// - Parameter sections: of the constants' segment.
  private static func addedByteCount(sections: Int) -> Int {
    [1, sections, 4].map(MachOCommandDraft.byteCount(sections:)).reduce(0, +)
  }

  init(_ image: MachOAdoptableImage, _ request: MachOArenaRequest) throws(ObjectFileError) {
    self.image = image
    self.request = request
    unwind = try MachOUnwindDraft(image, request)
    try image.checkRoom(for: Self.addedByteCount(sections: unwind == nil ? 1 : 2))
    commands = try MachOCommandDraft(image)
    linkEdit = try MachOLinkEditDraft(image.file)
  }

  private func outOfReach() -> ObjectFileError {
    image.file.failure(
      .outOfReach,
      detail: "with the arena it would span more than the 2 GiB that a 32-bit displacement reaches, or the gap "
        + "between them is too wide")
  }

  /// The bytes that differ from the original's, the layout, and the room for a signature like the one there is.
  mutating func run(
    _ oldSignature: MachOCodeSignature?
  ) throws(ObjectFileError) -> (layout: MachOArenaLayout, pieces: [SparseImage.Piece], signature: Range<UInt64>?) {
    var layout = try placeArena()
    addSegments(layout)
    var pieces = try makeRoomForFixups(layout)
    if let room = unwindRoom(layout), let unwind { pieces += try unwind.pieces(room, file: image.file) }
    makeRoomForNames()
    let placed = linkEdit.place(at: layout.linkEdit.fileOffset, &commands)
    pieces += placed.pieces
    var end = placed.end
    var signature: Range<UInt64>?
    if let command = linkEdit.signatureCommand, let oldSignature {
      // Signatures begin at multiples of 16 (Apple's codesign_allocate).
      let start = (end + 15) & ~15
      end = start + UInt64(clamping: try oldSignature.byteCount(codeLimit: start))
      signature = start..<end
      commands.set(start, command: command, field: 8)
      commands.set(end - start, command: command, field: 12)
    }
    let byteCount = end - layout.linkEdit.fileOffset.rawValue
    guard end <= UInt64(UInt32.max),
      let range = AddressRange(validating: layout.linkEdit.range.start, byteCount: byteCount.roundedUpToPage)
    else { throw outOfReach() }
    layout.linkEdit.range = range
    layout.fileByteCount = end
    commands.placeLinkEdit(layout.linkEdit, byteCount: byteCount)
    pieces.append(SparseImage.Piece(fileOffset: FileOffset(0), bytes: commands.bytes))
    return (layout, pieces, signature)
  }

  func unwindRoom(_ layout: MachOArenaLayout) -> MachOUnwindRoom? {
    guard let unwind, let part = layout.unwind else { return nil }
    return unwind.room(in: part, code: layout.code.range)
  }

  // MARK: The arena

  private func placeArena() throws(ObjectFileError) -> MachOArenaLayout {
    let page = MachOArenaLayout.pageByteCount
    guard let start = image.end.advanced(by: request.gap)?.alignedUp(to: page), start.rawValue < 1 << 47 else {
      throw outOfReach()
    }
    var address = start
    var offset = FileOffset(image.linkEdit.fileOffset.rawValue.roundedUpToPage)
    func place(_ byteCount: UInt64) throws(ObjectFileError) -> ArenaPart {
      // An upper bound well above what can be reached keeps the sums below from overflowing.
      guard byteCount < 1 << 32 else { throw outOfReach() }
      let size = max(byteCount, page).roundedUpToPage
      guard let range = AddressRange(validating: address, byteCount: size) else { throw outOfReach() }
      let part = ArenaPart(range: range, fileOffset: offset)
      address = range.end
      offset = FileOffset(offset.rawValue + size)
      return part
    }
    let code = try place(request.codeByteCount)
    let constants = try place(request.constantByteCount)
    let unwindPart = try unwind.map { (draft) throws(ObjectFileError) in try place(draft.byteCount) }
    let header = try place(page)
    let cells = try place(request.cellByteCount)
    let flags = try place(request.flagByteCount)
    let data = try place(request.dataByteCount)
    guard address.rawValue - image.base.rawValue < 1 << 31 else { throw outOfReach() }
    return MachOArenaLayout(
      fileByteCount: offset.rawValue, code: code, constants: constants, unwind: unwindPart,
      writable: ArenaPart(
        range: AddressRange(
          start: header.range.start, byteCount: address.rawValue - header.range.start.rawValue),
        fileOffset: header.fileOffset),
      header: header, cells: cells, flags: flags, data: data,
      linkEdit: ArenaPart(range: AddressRange(start: address, byteCount: 0), fileOffset: offset))
  }

  private mutating func addSegments(_ layout: MachOArenaLayout) {
    typealias Section = MachOCommandDraft.Section
    let names = MachOArenaLayout.sectionNames
    let instructions = MachOSectionAttributes([.pureInstructions, .someInstructions]).rawValue
    commands.addSegment(
      named: MachOArenaLayout.codeSegmentName, layout.code, protection: [.read, .execute],
      sections: [Section(name: names.code, part: layout.code, flags: instructions)])
    var constants = [Section(name: names.constants, part: layout.constants, flags: 0)]
    if let unwind = layout.unwind { constants.append(Section(name: names.unwind, part: unwind, flags: 0)) }
    let size = constants.reduce(0) { $0 + $1.part.range.byteCount }
    commands.addSegment(
      named: MachOArenaLayout.constantSegmentName,
      ArenaPart(
        range: AddressRange(start: layout.constants.range.start, byteCount: size),
        fileOffset: layout.constants.fileOffset),
      protection: .read, sections: constants)
    commands.addSegment(
      named: MachOArenaLayout.writableSegmentName, layout.writable, protection: [.read, .write],
      sections: [
        Section(name: names.header, part: layout.header, flags: 0),
        Section(name: names.cells, part: layout.cells, flags: 0),
        Section(name: names.flags, part: layout.flags, flags: 0),
        Section(name: names.data, part: layout.data, flags: 0),
      ])
  }

  // MARK: Tables

  /// Names get room that belongs to their table: codesign_allocate and its like refuse an image with a gap between the
  /// tables (cctools, libstuff/checkout.c). The table of symbols cannot have such room; no fixup needs a symbol in it.
  private mutating func makeRoomForNames() {
    guard let strings = linkEdit.bytes(of: .strings) else { return }
    linkEdit.replace(.strings, with: strings + [UInt8](repeating: 0, count: request.nameRoom))
  }

  /// - Returns: the words of chains, where they differ from those in the file.
  private mutating func makeRoomForFixups(_ layout: MachOArenaLayout) throws(ObjectFileError) -> [SparseImage.Piece] {
    let file = image.file
    if let chains = try file.chainedFixups() { return try chain(chains, layout) }
    // The arena's writable segment is the last of those added.
    _ = try segmentImmediate(file.segments.count - 2 + Self.addedSegmentCount, file: file.name)
    var rebases = try MachORebaseEncoder.encode(try file.rebases().map(Array.init) ?? [], file: file.name)
    // A stream of nothing would have no end.
    if rebases.isEmpty { rebases = [0] }
    linkEdit.replace(.rebases, with: MachORebaseEncoder.padded(rebases, to: rebases.count + request.rebaseRoom))
    var binds = linkEdit.bytes(of: .binds) ?? []
    if binds.isEmpty { binds = [0] }
    // Opcodes of one import: library, name, segment and offset, bind. The names take most of it.
    let bindRoom = request.nameRoom + request.importRoom * 16
    linkEdit.replace(.binds, with: MachOBindEncoder.padded(binds, to: binds.count + bindRoom))
    return []
  }

  private mutating func chain(
    _ chains: MachOChainedFixups, _ layout: MachOArenaLayout
  ) throws(ObjectFileError) -> [SparseImage.Piece] {
    let file = image.file
    let places = file.segmentPlaces
    // An image without a single pointer says nothing of formats: that of the linkers of today serves all systems that
    // know chains of user programs at all.
    var draft =
      try MachOChainedDraft(chains, in: file.view, places: places)
      ?? MachOChainedDraft(
        format: .offset, pageByteCount: file.header.machine.pageByteCount, segmentCount: places.count, file: file.name
      )
    let pageCount = (layout.writable.range.byteCount + draft.pageByteCount - 1) / draft.pageByteCount
    guard pageCount <= UInt64(UInt16.max) - 1 else { throw outOfReach() }
    let writable = MachOChainedDraft.Segment(
      offset: layout.writable.range.start.rawValue - image.base.rawValue, pageCount: Int(pageCount), fixups: [])
    draft.segments.insert(contentsOf: [nil, nil, writable], at: file.segments.count - 1)
    draft.importRoom = request.importRoom
    draft.nameRoom = request.nameRoom
    let encoded = try draft.encode(base: image.base)
    linkEdit.replace(.chains, with: encoded.payload)
    var pieces: [SparseImage.Piece] = []
    for (place, word) in encoded.words {
      guard let offset = places.fileOffset(of: place) else {
        throw file.failure(.malformedFixups, detail: "a fixup in a segment that is added")
      }
      guard try file.view.load(UInt64.self, at: Int(clamping: offset.rawValue)) != word else { continue }
      pieces.append(SparseImage.Piece(fileOffset: offset, bytes: TableBytes.encoded(word)))
    }
    return pieces
  }
}

extension UInt64 {
  /// - Precondition: less than a page below 2^64.
  fileprivate var roundedUpToPage: UInt64 {
    (self + MachOArenaLayout.pageByteCount - 1) & ~(MachOArenaLayout.pageByteCount - 1)
  }
}
