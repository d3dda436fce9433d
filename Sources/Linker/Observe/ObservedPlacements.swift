import Addressing
import Journal

/// Where atoms stand, with the cell or the trampoline that leads to them.
struct ObservedPlacements {
  private let old: Side
  private let new: Side

  init(before: ObservedImage, after: ObservedImage) {
    old = Side(before)
    new = Side(after)
  }

  func before(_ symbol: ObservedSymbol) -> Placement {
    var placement = old.placement(symbol)
    // The first move leaves a jump where the function began: that is its entry for ever.
    if placement.entry == nil, new.trampolines[symbol.name] == symbol.range.start {
      placement.entry = symbol.range.start
    }
    return placement
  }

  func after(_ symbol: ObservedSymbol) -> Placement { new.placement(symbol) }

  private struct Side {
    let trampolines: [String: VirtualAddress]
    private let cells: [VirtualAddress: VirtualAddress]
    private let starts: [VirtualAddress]
    private let image: ObservedImage

    init(_ image: ObservedImage) {
      self.image = image
      starts = Set(image.symbols.map(\.range.start)).sorted()
      let jumps = image.symbols.filter { $0.kind == .trampoline }
      trampolines = Dictionary(jumps.map { ($0.name, $0.range.start) }) { first, _ in first }
      var cells: [VirtualAddress: VirtualAddress] = [:]
      for table in image.cells {
        let first = table.start.alignedUp(to: 8)?.rawValue ?? table.end.rawValue
        for cell in stride(from: first, to: table.end.rawValue & ~7, by: 8).map({ VirtualAddress($0) }) {
          let target = image.rebased.map { $0[cell] } ?? VirtualAddress(image.word(cell))
          if let target, cells[target] == nil { cells[target] = cell }
        }
      }
      self.cells = cells
    }

    func placement(_ symbol: ObservedSymbol) -> Placement {
      let start = symbol.range.start
      let low = starts.partitioningIndex { $0 > start }
      let end = image.segment(containing: start)?.range.end ?? symbol.range.end
      let limit = low < starts.count ? min(starts[low], end) : end
      return Placement(
        body: symbol.range, capacity: max(symbol.range.byteCount, limit.rawValue - start.rawValue),
        entry: symbol.kind == .function ? trampolines[symbol.name] : nil,
        cell: symbol.kind == .function ? cells[start] : nil)
    }
  }
}
