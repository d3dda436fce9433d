import Addressing

/// Where a task has memory, asked while it stands still.
///
/// The whole map of a process with many threads takes long to write and to read, and one look at its stacks needs a mapping for each
/// thread. So each is asked for by itself where the kernel answers (PROCMAP_QUERY, Linux 6.11); where it does not, or
/// more is asked, the map is read once.
final class TaskMap {
  private let process: LinuxProcess
  /// Of `/proc/PID/maps`; nil where it could not be opened, or answers no queries.
  private var descriptor: Descriptor?
  private var known: [MapsLine]?

  /// To be made before the task stands still: opening costs.
  init(_ process: LinuxProcess) {
    self.process = process
    do throws(SystemCallFailure) {
      descriptor = Descriptor(try LinuxCalls.open("\(process.folder)/maps"))
    } catch {
      // The map itself will say why.
    }
  }

  /// The mappings of now, for as long as the task stands still: to be forgotten whenever it goes on.
  func forget() { known = nil }

  /// Every mapping, ascending.
  func lines() throws(ApplyError) -> [MapsLine] {
    if let known { return known }
    let lines = try process.mapsLines()
    known = lines
    return lines
  }

  /// The readable mapping that holds a stack pointer; nil where there is none. The main stack grows when it is touched: its
  /// pointer may be below it still.
  func stack(holding pointer: UInt64) throws(ApplyError) -> RuntimeRange? {
    if known == nil, let mapping = query(pointer) { return mapping.isReadable ? mapping.range : nil }
    let pointer = RuntimeAddress(rawValue: pointer)
    let lines = try lines()
    // Ascending: the first one that ends behind the pointer.
    let index = lines.partitioningIndex { pointer < $0.range.end }
    guard index < lines.count, case let mapping = lines[index], mapping.protection.contains(.read),
      mapping.range.contains(pointer) || mapping.name.elementsEqual("[stack]".utf8)
    else { return nil }
    return mapping.range
  }

  /// Nil where the kernel does not tell, or knows no mapping there: then the map is asked.
  private func query(_ address: UInt64) -> (range: RuntimeRange, isReadable: Bool)? {
    guard let descriptor else { return nil }
    do throws(SystemCallFailure) {
      guard let mapping = try LinuxCalls.mapping(descriptor.number, holding: address),
        let range = RuntimeRange(
          start: RuntimeAddress(rawValue: mapping.start), byteCount: mapping.end &- mapping.start)
      else { return nil }
      return (range, mapping.protection.contains(.read))
    } catch {
      self.descriptor = nil
      return nil
    }
  }
}
