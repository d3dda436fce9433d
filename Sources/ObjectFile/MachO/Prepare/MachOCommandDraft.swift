import Addressing

/// Header and load commands under construction: those of an image, with segments added before the last.
struct MachOCommandDraft {
  private var header: TableBytes
  private var commands: [TableBytes]
  /// The index of the `__LINKEDIT` command.
  private let last: Int
  private var added: [TableBytes] = []

  /// - Precondition: the last segment's command exists.
  init(_ image: MachOAdoptableImage) throws(ObjectFileError) {
    header = TableBytes(try image.file.view.bytes(at: 0, count: MachOHeader.byteCount))
    commands = image.file.loadCommands.map { TableBytes($0.view.allBytes) }
    last = image.file.loadCommands.lastIndex { $0.kind == .segment } ?? 0
  }

  /// A 32-bit field of a load command.
  mutating func set(_ value: UInt64, command: Int, field: Int) {
    commands[command].store(UInt32(truncatingIfNeeded: value), at: field)
  }

  mutating func placeLinkEdit(_ part: ArenaPart, byteCount: UInt64) {
    commands[last].store(part.range.start.rawValue, at: 24)
    commands[last].store(part.range.byteCount, at: 32)
    commands[last].store(part.fileOffset.rawValue, at: 40)
    commands[last].store(byteCount, at: 48)
  }

  struct Section {
    var name: String
    var part: ArenaPart
    var flags: UInt32
  }

  mutating func addSegment(
    named name: String, _ part: ArenaPart, protection: PageProtection, sections: [Section]
  ) {
    var command = TableBytes()
    command.append(MachOLoadCommandKind.segment.rawValue)
    command.append(UInt32(Self.byteCount(sections: sections.count)))
    command.append(paddedName: name)
    for value in [part.range.start.rawValue, part.range.byteCount, part.fileOffset.rawValue, part.range.byteCount] {
      command.append(value)
    }
    // VM_PROT_* have the bits of PROT_*; what may never be allowed is what is not allowed at first.
    for value in [UInt32(protection.rawValue), UInt32(protection.rawValue), UInt32(sections.count), 0] {
      command.append(value)
    }
    for section in sections {
      command.append(paddedName: section.name)
      command.append(paddedName: name)
      command.append(section.part.range.start.rawValue)
      command.append(section.part.range.byteCount)
      // offset, align (2^6), reloff, nreloc, flags, three reserved fields.
      for value in [UInt32(truncatingIfNeeded: section.part.fileOffset.rawValue), 6, 0, 0, section.flags, 0, 0, 0] {
        command.append(value)
      }
    }
    added.append(command)
  }

  static func byteCount(sections: Int) -> Int {
    MachOSegment.commandByteCount + sections * MachOSection.byteCount
  }

  /// Header and commands.
  var bytes: [UInt8] {
    var all = TableBytes()
    for (index, command) in commands.enumerated() {
      if index == last { for command in added { all.append(command.bytes) } }
      all.append(command.bytes)
    }
    var header = header
    header.store(UInt32(commands.count + added.count), at: 16)
    header.store(UInt32(all.count), at: 20)
    return header.bytes + all.bytes
  }
}

extension TableBytes {
  /// A name in 16 bytes.
  ///
  /// - Precondition: it has no more.
  fileprivate mutating func append(paddedName name: String) {
    let utf8 = Array(name.utf8)
    append(utf8)
    append(zeros: 16 - utf8.count)
  }
}
