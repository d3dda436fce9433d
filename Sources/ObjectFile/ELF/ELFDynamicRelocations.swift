public import Addressing

/// What the dynamic loader relocates in an image.
public struct ELFDynamicRelocations: Sendable {
  /// DT_RELA, or DT_REL: symbol indexes are of the dynamic symbol table.
  public let table: ELFRelocations
  /// DT_JMPREL: the procedure linkage table's.
  public let plt: ELFRelocations
  /// DT_RELR: addresses of words to which the slide is added.
  public let relative: ELFRelativeRelocations
}

extension ELFFile {
  public func dynamicRelocations() throws(ObjectFileError) -> ELFDynamicRelocations? {
    guard let dynamic = try dynamic() else { return nil }
    let symbolCount = try symbolTable(.dynamic)?.count ?? 0
    let hasAddends = dynamic.first(.relocations) == nil
    let table =
      hasAddends
      ? try loaderTable(dynamic, .relocationsWithAddends, .relocationsWithAddendsByteCount, 24)
      : try loaderTable(dynamic, .relocations, .relocationsByteCount, 16)
    // DT_PLTREL holds the tag of the table's kind: DT_RELA or DT_REL.
    let pltHasAddends = dynamic.value(.pltRelocationKind) != ELFDynamicTag.relocations.rawValue
    let plt = try loaderTable(dynamic, .pltRelocations, .pltRelocationByteCount, pltHasAddends ? 24 : 16)
    let relative = try loaderTable(dynamic, .relativeRelocations, .relativeRelocationsByteCount, 8)
    return ELFDynamicRelocations(
      table: try ELFRelocations(table, hasAddends: hasAddends, symbolCount: symbolCount, in: self),
      plt: try ELFRelocations(plt, hasAddends: pltHasAddends, symbolCount: symbolCount, in: self),
      relative: try ELFRelativeRelocations(relative, in: self))
  }

  /// A table that two dynamic entries describe by address and size; empty where they are missing.
  private func loaderTable(
    _ dynamic: ELFDynamic, _ address: ELFDynamicTag, _ byteCount: ELFDynamicTag, _ entryByteCount: UInt64
  ) throws(ObjectFileError) -> ByteView {
    guard let start = dynamic.first(address), let size = dynamic.value(byteCount), size > 0 else {
      return try view.slice(0, 0)
    }
    guard size.isMultiple(of: entryByteCount) else {
      throw failure(
        .badEntrySize, at: start.fileOffset, detail: "\(size) bytes of relocations of \(entryByteCount) bytes each")
    }
    return try bytes(at: start.address, count: size)
  }
}

/// The addresses that a DT_RELR table stands for (gABI, Relative Relocation Table), expanded as they are asked for.
///
/// An even word is an address; each odd word after it is a bitmap of the 63 words that follow the last one covered.
/// When the table is made, it is checked to begin with an address and to stay within the address space.
public struct ELFRelativeRelocations: Sequence, Sendable {
  private let table: ByteView

  init(_ table: ByteView, in file: ELFFile) throws(ObjectFileError) {
    self.table = table
    var next: UInt64?
    for at in stride(from: 0, to: table.count, by: 8) {
      let word = table.loadValidated(UInt64.self, at: at)
      let step: UInt64 = word & 1 == 0 ? 8 : 63 * 8
      let start = word & 1 == 0 ? word : next
      guard let start, case (let end, let overflow) = start.addingReportingOverflow(step), !overflow else {
        throw file.failure(
          .malformedTable, at: table.fileOffset.advanced(by: UInt64(at)),
          detail: "word 0x\(String(word, radix: 16)) of the relative relocations")
      }
      next = end
    }
  }

  public var isEmpty: Bool { table.isEmpty }

  public func makeIterator() -> Iterator { Iterator(table: table) }

  public struct Iterator: IteratorProtocol {
    private let table: ByteView
    private var at = 0
    private var base: UInt64 = 0
    private var bitmap: UInt64 = 0
    private var bitmapBase: UInt64 = 0

    init(table: ByteView) { self.table = table }

    public mutating func next() -> VirtualAddress? {
      while bitmap == 0 {
        guard at < table.count else { return nil }
        let word = table.loadValidated(UInt64.self, at: at)
        at += 8
        if word & 1 == 0 {
          base = word &+ 8
          return VirtualAddress(word)
        }
        (bitmap, bitmapBase) = (word >> 1, base)
        base &+= 63 * 8
      }
      let bit = UInt64(bitmap.trailingZeroBitCount)
      bitmap &= bitmap - 1
      return VirtualAddress(bitmapBase &+ bit * 8)
    }
  }
}
