import Addressing
import Journal

/// The cells of one update that code reads by their distance from a page.
///
/// GCC's -fpic for arm64 takes the page of the GOT once in a function (`adrp x1, _GLOBAL_OFFSET_TABLE_`) and reads the cells of
/// all symbols with offsets of 15 bits from there (AAELF64, R_AARCH64_LD64_GOTPAGE_LO15: `G(GDAT(S)) - Page(GOT)`). The arena's
/// cells are beyond the reach of the image's own table, and nothing asks which table it is that the page and the offsets of one
/// function mean: an update has one of its own, from the page of its first cell.
struct OffsetTable {
  fileprivate var page: VirtualAddress?
  fileprivate var cells: [VirtualAddress: VirtualAddress] = [:]
  fileprivate var imports: [ImportedSymbol: VirtualAddress] = [:]
  /// What weak symbols that nothing defines are read from.
  fileprivate var empty: VirtualAddress?
}

extension EmitterState {
  /// - Precondition: the piece that asks has been given its cells.
  func offsetTablePage() throws(LinkError) -> VirtualAddress {
    guard let page = offsetTable.page else {
      throw LinkError(.unsupportedRelocation, symbol: ReferenceTarget.offsetTable)
    }
    return page
  }

  mutating func tableOffset(to target: VirtualAddress) throws(LinkError) -> UInt64 {
    if let known = offsetTable.cells[target] { return try tableOffset(of: known) }
    let cell = try addCell(to: target).cell
    offsetTable.cells[target] = cell
    return try tableOffset(of: cell)
  }

  mutating func tableOffset(to symbol: ImportedSymbol) throws(LinkError) -> UInt64 {
    if let known = offsetTable.imports[symbol] { return try tableOffset(of: known) }
    let cell = try allocator.cell()
    _ = try addBind(at: cell, to: symbol, initial: nil)
    offsetTable.imports[symbol] = cell
    return try tableOffset(of: cell)
  }

  /// That of a cell that nothing ever fills, and that holds 0.
  mutating func emptyTableOffset() throws(LinkError) -> UInt64 {
    let cell = if let known = offsetTable.empty { known } else { try allocator.cell() }
    offsetTable.empty = cell
    return try tableOffset(of: cell)
  }

  private mutating func tableOffset(of cell: VirtualAddress) throws(LinkError) -> UInt64 {
    let page = offsetTable.page ?? VirtualAddress(cell.rawValue & ~0xfff)
    offsetTable.page = page
    return cell.rawValue &- page.rawValue
  }
}
