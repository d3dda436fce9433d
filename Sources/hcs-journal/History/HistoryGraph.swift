import Journal

/// Draws a tree of updates beside their lines, newest first, a column for each branch that is open.
struct HistoryGraph {
  struct Entry {
    let number: UpdateNumber
    /// Nil for the base image.
    let parent: UpdateNumber?
    let lines: [String]
  }

  private(set) var lines: [String] = []
  /// The update that each column waits for: the parent of what was drawn in it last.
  private var columns: [UpdateNumber] = []

  init(_ entries: [Entry]) {
    for entry in entries { draw(entry) }
  }

  private mutating func draw(_ entry: Entry) {
    let waiting = columns.indices.filter { columns[$0] == entry.number }
    let own = waiting.first ?? columns.count
    if waiting.isEmpty { columns.append(entry.number) }
    join(waiting.dropFirst(), into: own)
    for (index, line) in entry.lines.enumerated() {
      let marks = columns.indices.map { column in
        column == own ? (index == 0 ? "*" : entry.parent == nil ? " " : "|") : "|"
      }
      lines.append(marks.joined(separator: " ") + " " + line)
    }
    if let parent = entry.parent { columns[own] = parent } else { columns.remove(at: own) }
  }

  /// Branches that began here: their columns run into this one.
  private mutating func join(_ others: ArraySlice<Int>, into own: Int) {
    for other in others.reversed() {
      let marks = columns.indices.map { column in
        switch column {
        case ..<own: "| "
        case own: other == own + 1 ? "|/" : "|_"
        case ..<(other - 1): "|_"
        case other - 1: "|/"
        case other: " "
        default: "/ "
        }
      }
      let line = marks.joined()
      lines.append(String(line[...(line.lastIndex { $0 != " " } ?? line.startIndex)]))
      columns.remove(at: other)
    }
  }
}
